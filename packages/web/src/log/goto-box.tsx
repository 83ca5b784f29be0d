import { TextInput } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { type KeyboardEvent, useEffect, useRef, useState } from 'react';
import { PLACES } from '../shell/places.ts';
import { parsePlace } from './goto.ts';
import css from './log.module.css';

/**
 * A field that goes to a line or a time. `g` opens it, and `g` with a letter goes to a page everywhere else: a first letter that
 * means a page does so here, too.
 */
export function GotoBox({
  startedAt,
  onLine,
  onTime,
  onClose,
}: {
  startedAt: number;
  onLine: (line: number) => void;
  onTime: (time: number) => Promise<void>;
  onClose: () => void;
}) {
  const [text, setText] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const navigate = useNavigate();
  useEffect(() => field.current?.focus(), []);

  const go = async () => {
    const place = parsePlace(text, startedAt);
    if (!place) return setProblem('A line such as 1234, a time such as 14:03 or +1:30');
    try {
      if ('line' in place) onLine(place.line);
      else await onTime(place.time);
      onClose();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const page = text === '' ? PLACES.find(({ key }) => key === event.key) : undefined;
    if (page && !event.ctrlKey && !event.metaKey) void navigate({ to: page.to });
    else if (event.key === 'Escape') onClose();
    else if (event.key === 'Enter') void go();
    else return;
    event.preventDefault();
  };
  return (
    <div className={css.goto}>
      <TextInput
        ref={field}
        label="Go to"
        description="A line, a time of the clock, or +time since the start"
        placeholder="1234, 14:03:22 or +1:30"
        value={text}
        error={problem}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setProblem(null);
        }}
        onKeyDown={onKeyDown}
        onBlur={onClose}
        autoComplete="off"
      />
    </div>
  );
}
