import type { KnownTag, TagChanges } from '@kiln/store/tags.ts';
import type { MatchedTags, TagMatch } from './match.ts';

/** Everything that a look at an upstream is judged by. */
export interface Sight extends Pick<MatchedTags, 'matches' | 'below'> {
  /** Names of all tags that are there, matching or not. */
  present: ReadonlySet<string>;
  known: readonly KnownTag[];
  /** What was asked for while the recipe watched another repository. */
  earlier: readonly { version: string; commit: string }[];
  /** Versions that the archive holds. */
  archived: ReadonlySet<string>;
  /** How many of the newest versions are built when this is the first look; null: all. `false`: it is not the first. */
  firstSight: number | null | false;
  /** How many builds are asked for at once. */
  limit: number;
}

export interface Decision {
  /** Versions to build, lowest first. */
  emit: TagMatch[];
  /** Versions that will never be asked for, because they were there before the farm looked, lowest first. */
  passedOver: TagMatch[];
  /** Versions to build that go over the limit: the next look finds them again. */
  waiting: number;
  moved: { tag: string; version: string; from: string; to: string }[];
  changes: TagChanges;
}

/**
 * What to do about what was seen. A version is asked for once in the life of the farm: a tag that moves, vanishes or comes
 * back, and a second tag with the same version, are noticed and not built. On a first look only the newest are.
 */
export function decide(sight: Sight): Decision {
  const known = new Map(sight.known.map((tag) => [tag.tag, tag]));
  // A tag that gives another version than before, since the recipe was changed, is news.
  const find = (match: TagMatch) =>
    known.get(match.tag)?.version === match.version ? known.get(match.tag) : undefined;
  const news = sortNews(sight, find);
  const emit = news.wanted.slice(0, sight.limit);
  const below = sight.below.filter((match) => !find(match));
  const moved = [...sight.matches, ...sight.below].flatMap((match) => movement(match, find(match)));
  return {
    emit,
    passedOver: news.passedOver,
    waiting: news.wanted.length - emit.length,
    moved: moved.map(({ back: _, ...move }) => move),
    changes: {
      added: [
        ...[...emit, ...news.had].map((match) => ({ ...match, passedOver: false })),
        ...[...news.passedOver, ...news.doubles, ...below].map((match) => ({ ...match, passedOver: true })),
      ],
      moved: moved.map(({ tag, to, back }) => ({ tag, to: back ? null : to })),
      gone: sight.known.filter((tag) => !tag.gone && !sight.present.has(tag.tag)).map((tag) => tag.tag),
      back: sight.known.filter((tag) => tag.gone && sight.present.has(tag.tag)).map((tag) => tag.tag),
    },
  };
}

interface News {
  wanted: TagMatch[];
  passedOver: TagMatch[];
  /** Versions that were built before this farm knew the tag. */
  had: TagMatch[];
  /** Further tags of a version. */
  doubles: TagMatch[];
}

function sortNews(sight: Sight, find: (match: TagMatch) => KnownTag | undefined): News {
  const news: News = { wanted: [], passedOver: [], had: [], doubles: [] };
  const newest = newestVersions(sight);
  const versions = new Set(sight.known.map((tag) => tag.version));
  const asked = new Set(sight.earlier.map(({ version, commit }) => `${version} ${commit}`));
  for (const match of sight.matches) {
    if (find(match)) continue;
    if (versions.has(match.version)) news.doubles.push(match);
    else if (sight.archived.has(match.version) || asked.has(`${match.version} ${match.commit}`)) news.had.push(match);
    else if (newest && !newest.has(match.version)) news.passedOver.push(match);
    else news.wanted.push(match);
    versions.add(match.version);
  }
  return news;
}

/** The versions that a first look may ask for; null when all may be. */
function newestVersions({ matches, firstSight }: Sight): Set<string> | null {
  if (firstSight === false || firstSight === null) return null;
  return new Set([...new Set(matches.map((match) => match.version))].slice(-firstSight));
}

function movement(match: TagMatch, known: KnownTag | undefined) {
  const from = known?.movedTo ?? known?.commit;
  if (!known || from === undefined || from === match.commit) return [];
  return [{ tag: match.tag, version: known.version, from, to: match.commit, back: match.commit === known.commit }];
}
