/**
 * Every error code that Kiln answers with: its HTTP status, and what it means to whoever gets it. An error is
 * `{"error":{"code","message",…}}`; the code is for programs and never changes its meaning, the message is for people.
 * No imports: the dashboard may bundle this file.
 */
export const ERRORS = {
  bad_request: { status: 400, meaning: 'The request is not HTTP, or its body is not the JSON that it claims to be.' },
  invalid_request: {
    status: 400,
    meaning: 'A parameter of the address, the query or the body does not fit the schema of the route.',
  },
  invalid_text: {
    status: 400,
    meaning: 'A text holds a NUL or half a character, which a database can not keep. The message says where.',
  },
  incomplete_body: { status: 400, meaning: 'The connection ended before the whole body had come. Send it again.' },
  bad_json: { status: 400, meaning: 'The body of a webhook is not a JSON object.' },
  bad_cursor: {
    status: 400,
    meaning: 'The cursor is none that a page of this list gave. Begin again without one.',
  },
  bad_time: { status: 400, meaning: 'A time or a duration can not be read, or lies outside of what is allowed.' },
  bad_pattern: { status: 400, meaning: 'The expression to search for is wrong, or of a kind that is not allowed.' },
  unknown_phase: { status: 400, meaning: 'The attempt has no phase of this name. The message lists those it has.' },
  no_metrics_store: {
    status: 400,
    meaning: 'The question is for a metrics store, and none is configured. Set `metrics.url`.',
  },
  no_websocket: { status: 400, meaning: 'This address does not speak WebSocket.' },
  unauthorized: {
    status: 401,
    meaning:
      'There is no credential, or none that opens this: it is wrong, ended, revoked, or made for something else.',
  },
  wrong_token: { status: 401, meaning: 'A browser tried to sign in with what is not the admin token.' },
  webhook_not_configured: {
    status: 401,
    meaning: 'No secret is configured for this kind of webhook. The message names the key to set.',
  },
  webhook_signature_invalid: {
    status: 401,
    meaning: 'The signature of a webhook is missing, or not made with the configured secret.',
  },
  forbidden: { status: 403, meaning: 'The credential is valid, but it may not do this.' },
  cross_site: {
    status: 403,
    meaning: 'A browser sent the session cookie from a page that is not of Kiln. Programs use a Bearer token.',
  },
  not_held: { status: 403, meaning: 'The builder speaks about a task that it does not hold.' },
  not_found: { status: 404, meaning: 'There is no such address, or nothing with this id or name.' },
  unknown_recipe: { status: 404, meaning: 'No recipe has this name. The message has the nearest ones.' },
  method_not_allowed: { status: 405, meaning: 'The address is right, the method is not. `Allow` names the right one.' },
  request_timeout: { status: 408, meaning: 'The request took too long to arrive.' },
  illegal_state_change: {
    status: 409,
    meaning: 'The state does not allow this change. `from` is the state now, `to` the one that was asked for.',
  },
  not_watched: { status: 409, meaning: 'The recipe watches no upstream, so there is nothing to look at.' },
  ambiguous_id: { status: 409, meaning: 'Several things have an id that begins so. Give more of it.' },
  task_finished: { status: 409, meaning: 'The log of the task has ended. `from` is how the task ended.' },
  batch_reused: { status: 409, meaning: 'Another batch of this task had the same `batch_id`.' },
  stale_attempt: {
    status: 409,
    meaning: "The attempt is not this agent's any more: its fence was passed on. The agent drops it.",
  },
  staged_differently: { status: 409, meaning: 'This artifact was uploaded before, with another content.' },
  log_expired: { status: 410, meaning: 'The log was removed when its time was over. `expiredAt` says when.' },
  body_too_large: { status: 413, meaning: 'The body is larger than this route takes, as it came or unpacked.' },
  batch_too_large: { status: 413, meaning: 'The batch has too many entries. Send it in parts.' },
  address_too_long: { status: 414, meaning: 'A part of the address is longer than any name or id.' },
  unsupported_media_type: { status: 415, meaning: 'The content type or encoding of the body is not known here.' },
  invalid_entry: {
    status: 422,
    meaning: 'One entry of a batch is wrong, and none was stored. `entry` is its index, counted from 0.',
  },
  unsafe_path: { status: 422, meaning: 'The path of an artifact would leave its folder, or can not be one.' },
  path_conflict: { status: 422, meaning: 'The path of an artifact is a folder of, or lies under, another one.' },
  digest_missing: { status: 422, meaning: 'The header `x-kiln-sha256` is missing or no SHA-256.' },
  digest_mismatch: { status: 422, meaning: 'The body is not what its SHA-256 says. Send it again.' },
  upgrade_required: { status: 426, meaning: 'This address speaks WebSocket only.' },
  too_many_requests: {
    status: 429,
    meaning:
      'Too many requests with a wrong credential came from this address. Wait `Retry-After` seconds; a right one is not turned away.',
  },
  too_many_searches: { status: 429, meaning: 'Too many searches run at once. Try again after `Retry-After` seconds.' },
  headers_too_large: { status: 431, meaning: 'The headers of the request are too large.' },
  internal: {
    status: 500,
    meaning: 'Kiln failed to answer. Its log has the cause under the `requestId` that the message names.',
  },
  metrics_store_failed: { status: 502, meaning: 'The metrics store did not answer, or not with what was asked for.' },
  bucket_unavailable: {
    status: 503,
    meaning: 'The bucket of the published repositories did not answer, or refused. The message says why.',
  },
  database_unavailable: {
    status: 503,
    meaning: 'The database does not answer, and nothing was changed. Try again after `Retry-After` seconds.',
  },
  webhook_secret_unreadable: {
    status: 503,
    meaning: 'The file with the secret of this webhook can not be read or is empty. The forge should send it again.',
  },
  disk_full: { status: 507, meaning: 'There is no room for the artifact on the disk.' },
} as const satisfies Record<string, { status: number; meaning: string }>;

/** A code in the answer to a request. */
export type ErrorCode = keyof typeof ERRORS;

/**
 * Codes in messages of type `error`, which tell of trouble after an answer or a socket began: in the live socket, the
 * stream of builds and the JSON lines of a search.
 */
export const STREAM_ERRORS = {
  bad_message: 'The message is none of those that the socket understands.',
  not_found: 'There is no such job, attempt or task.',
  forbidden: 'Whoever connected may not follow this.',
  too_many_logs: 'One connection follows no more logs than this. Unfollow one first.',
  too_many_tasks: 'One connection follows no more tasks than this. Unsubscribe from one first.',
  gone: 'What was followed was removed.',
  log_expired: 'The log was removed when its time was over.',
  unreadable: 'A part of the log can not be read. What follows it is still sent.',
  unavailable: 'The log could not be read to its end.',
  bad_pattern: 'The expression to search for is wrong.',
  pattern_too_slow: 'The search took too long on one part of the log. A simpler expression helps.',
} as const satisfies Record<string, string>;

/** A code in a message of a socket or a stream. */
export type StreamErrorCode = keyof typeof STREAM_ERRORS;
