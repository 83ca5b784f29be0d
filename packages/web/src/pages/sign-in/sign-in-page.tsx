import { Button, PasswordInput } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import { getRouteApi } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { actions } from '../../api/actions.ts';
import { basePath, farmUrl } from '../../api/base.ts';
import { ApiFailure } from '../../api/request.ts';
import css from './sign-in.module.css';

const route = getRouteApi('/sign-in');

/** Asks for the admin token, and says where it is. */
export function SignInPage() {
  useDocumentTitle('Sign in · Kiln');
  const { next } = route.useSearch();
  const [token, setToken] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');

  const signIn = async () => {
    setBusy(true);
    setError('');
    try {
      await actions.signIn(token.trim());
      // A fresh page: nothing of another session is left in it.
      location.assign(basePath + (next ?? '').replace(/^\/+/, ''));
    } catch (failure) {
      setBusy(false);
      setError(messageOf(failure));
    }
  };
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (token.trim() === '') setError('Put in the token first');
    else void signIn();
  };

  return (
    <main className={css.page}>
      <form onSubmit={onSubmit} className={css.form}>
        <img src={farmUrl('kiln.svg')} alt="" width={40} height={40} />
        <h1>Sign in to Kiln</h1>
        <PasswordInput
          label="Admin token"
          autoComplete="current-password"
          autoFocus
          value={token}
          onChange={(event) => setToken(event.currentTarget.value)}
          error={error}
          styles={{ input: { fontFamily: 'var(--k-mono)' } }}
        />
        <Button type="submit" size="sm" variant="filled" loading={busy} fullWidth>
          Sign in
        </Button>
        <p className="dim">
          The token is in the file <code>admin-token</code> of the data directory. Without it: run{' '}
          <code>kiln sign-in</code> on the farm’s machine for a link that signs in once.
        </p>
      </form>
    </main>
  );
}

function messageOf(failure: unknown): string {
  const text = failure instanceof Error ? failure.message : String(failure);
  if (failure instanceof ApiFailure && failure.status === 401) {
    return 'This is not the admin token. Copy it again, without spaces.';
  }
  return text.charAt(0).toUpperCase() + text.slice(1);
}
