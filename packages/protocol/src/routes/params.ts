import Type from 'typebox';

/** Pieces that the parameters of several routes are made of. */

/** A UUID, in upper or lower case. */
export const UUID_PATTERN = '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$';
export const Uuid = Type.String({ pattern: UUID_PATTERN });
export const IdParams = Type.Object({ id: Uuid });
export const NameParams = Type.Object({ name: Type.String({ minLength: 1, maxLength: 200 }) });

/** Bound of PostgreSQL's integer: a larger attempt or count can't exist. */
export const MAX_INTEGER = 2_147_483_647;
export const Attempt = Type.Integer({ minimum: 1, maximum: MAX_INTEGER });

/** No body: a 204, or an answer whose bytes the route's `media` describe. */
export const Nothing = Type.Null();
/** Bytes of a content type of their own. */
export const Bytes = Type.String({ format: 'binary' });
