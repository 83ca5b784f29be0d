import { TextInput } from '@mantine/core';
import { useState } from 'react';
import { farmUrl } from '../../api/base.ts';
import { Commands } from '../../parts/copy.tsx';
import css from './hosts.module.css';

/** How a host begins to send its heartbeat here: lines to copy, with this farm's address in them. */
export function Setup() {
  const [host, setHost] = useState('');
  const name = host.trim() || 'web-1';
  const endpoint = new URL(farmUrl('v1/metrics'), location.href).href;
  return (
    <div className={css.setup}>
      <TextInput
        label="Name of the host, as its command hostname says it"
        placeholder="web-1"
        w={320}
        value={host}
        onChange={({ currentTarget: { value } }) => setHost(value.replace(/[^A-Za-z0-9._:-]/g, ''))}
      />
      <p>On this farm’s machine, make a token that may only push that host’s metrics:</p>
      <Commands label="command to make a token" lines={`kiln host token ${name} > heartbeat-token`} />
      <p>
        On the host, with Kiln in <code>/opt/kiln</code> and that file at hand:
      </p>
      <Commands
        label="commands to set up the heartbeat"
        lines={[
          'sudo install -D -m 600 heartbeat-token /etc/kiln/heartbeat-token',
          'sudo tee /etc/kiln/heartbeat.env <<EOF',
          `KILN_HEARTBEAT_ENDPOINT=${endpoint}`,
          'KILN_HEARTBEAT_TOKEN_FILE=/etc/kiln/heartbeat-token',
          'EOF',
          'sudo cp /opt/kiln/deploy/systemd/systemd-heartbeat.* /etc/systemd/system/',
          'sudo systemctl daemon-reload',
          'sudo systemctl enable --now systemd-heartbeat.timer',
        ].join('\n')}
      />
      <p>
        Name the units that matter in <code>/etc/kiln/heartbeat.conf</code>; failed ones are told of anyway.{' '}
        <code>docs/hosts.md</code> has the rest.
      </p>
    </div>
  );
}
