import { Button, Checkbox, Group, Modal, Select, Stack, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { actions } from '../api/actions.ts';
import { queries } from '../api/queries.ts';
import { capitalised } from '../parts/format.ts';
import { Problem } from '../parts/notices.tsx';
import { followEvent } from './follow-event.ts';

/** Starts a run: which recipe, at which version, and whether even when it exists already. Goes to the run it became. */
export default function RunDialog({ recipe, onClose }: { recipe: string | undefined; onClose: () => void }) {
  const navigate = useNavigate();
  const client = useQueryClient();
  const recipes = useQuery(queries.recipes);
  const [name, setName] = useState(recipe ?? null);
  const [version, setVersion] = useState('');
  const [force, setForce] = useState(false);
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState('');

  const start = async () => {
    if (name === null) return;
    setBusy(true);
    setRefused('');
    try {
      const wanted = version.trim();
      const { eventId, requestId } = await actions.startRun({
        recipe: name,
        ...(wanted && { version: wanted }),
        force,
      });
      const found = await followEvent(eventId);
      if (found.runId !== null) await navigate({ to: '/runs/$runId', params: { runId: found.runId } });
      else if (found.reason !== null) return setRefused(found.reason);
      else await navigate({ to: '/trace', search: { id: requestId } });
      void client.invalidateQueries({ queryKey: ['runs'] });
      onClose();
    } catch (error) {
      setRefused(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    void start();
  };

  return (
    <Modal opened onClose={onClose} title={<b>Run a recipe</b>}>
      <form onSubmit={onSubmit}>
        <Stack gap="md">
          <Select
            label="Recipe"
            size="sm"
            data={recipes.data?.recipes.map((each) => each.name) ?? []}
            value={name}
            onChange={setName}
            searchable
            openOnFocus={false}
            placeholder={recipes.isPending ? 'Loading…' : 'Choose one'}
            nothingFoundMessage="No recipe of that name"
            data-autofocus={recipe === undefined || undefined}
          />
          <TextInput
            label="Version"
            description="Empty: the newest that the upstream has"
            size="sm"
            value={version}
            onChange={(event) => setVersion(event.currentTarget.value)}
            styles={{ input: { fontFamily: 'var(--k-mono)' } }}
            data-autofocus={recipe !== undefined || undefined}
          />
          <Checkbox
            label="Build although it is published already, or waits for a retry"
            checked={force}
            onChange={(event) => setForce(event.currentTarget.checked)}
          />
          {refused && <Problem title="Not started" error={new Error(capitalised(refused))} />}
          <Group justify="flex-end" gap="xs">
            <Button size="sm" onClick={onClose}>
              Close
            </Button>
            <Button size="sm" type="submit" variant="filled" loading={busy} disabled={name === null}>
              Run
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
