/** `20240102.093011`: a version for what has none of its own, from a time in UTC. */
export function clockVersion(time: Date): string {
  const [date = '', clock = ''] = time.toISOString().split('T');
  return `${date.replaceAll('-', '')}.${clock.slice(0, 8).replaceAll(':', '')}`;
}

/** `main.20240102.093011.1a2b3c4d5`: branch, time in UTC and commit, so later builds of a branch are higher versions. */
export function branchVersion(ref: string, time: Date, commit: string | null): string {
  const branch = ref.replace(/^refs\/heads\//, '');
  const name =
    branch
      .replace(/[^A-Za-z0-9._+-]+/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '')
      .slice(0, 80) || 'branch';
  return [name, clockVersion(time), ...(commit ? [commit.slice(0, 9)] : [])].join('.');
}
