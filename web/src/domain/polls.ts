import { cleanName, cleanText } from "./bidi";
import type { PollAnswer, PollResults } from "./message";
import { readField, readFirstChild, readInteger, readList, readRecord, readString, readToken } from "./untrusted";
import type { JsonRecord } from "./untrusted";

/** Polls as of MSC3381, stable and unstable names. */
export const POLL_ANSWERS_MAX = 20;
export const POLL_QUESTION_LENGTH_MAX = 1_000;
export const POLL_ANSWER_LENGTH_MAX = 340;
/** Votes counted in one poll; a room has no more members that vote. */
export const POLL_VOTES_MAX = 20_000;
const ANSWER_ID_LENGTH_MAX = 128;

export interface Poll {
  readonly question: string;
  readonly answers: readonly PollAnswer[];
  readonly selectionsMax: number;
  readonly disclosed: boolean;
}

export const POLL_START_TYPES: readonly string[] = ["m.poll.start", "org.matrix.msc3381.poll.start"];
export const POLL_RESPONSE_TYPES: readonly string[] = ["m.poll.response", "org.matrix.msc3381.poll.response"];
export const POLL_END_TYPES: readonly string[] = ["m.poll.end", "org.matrix.msc3381.poll.end"];

/** The text of an extensible event: a string, or a list of representations of which the plain one is taken. */
export function readExtensibleText(record: JsonRecord | undefined): string {
  const list = readField(record, "m.text");
  if (Array.isArray(list)) {
    const plain = list.slice(0, 10).map(readRecord).find((entry) => entry !== undefined && (entry["mimetype"] === undefined || entry["mimetype"] === "text/plain"));
    const body = readString(plain, "body");
    if (body !== undefined) return body;
  }
  return readString(record, "m.text") ?? readString(record, "org.matrix.msc1767.text") ?? readString(record, "body") ?? "";
}

/** The content of a poll's start; undefined if it holds no poll that could be voted in. */
export function parsePoll(content: JsonRecord | undefined): Poll | undefined {
  const poll = readFirstChild(content, ["m.poll", ...POLL_START_TYPES]);
  if (poll === undefined) return undefined;
  const question = cleanText(readExtensibleText(readRecord(readField(poll, "question"))), POLL_QUESTION_LENGTH_MAX).trim();
  const answers: PollAnswer[] = [];
  for (const entry of readList(poll, "answers", POLL_ANSWERS_MAX)) {
    const answer = readRecord(entry);
    const id = readToken(answer, "m.id", ANSWER_ID_LENGTH_MAX) ?? readToken(answer, "id", ANSWER_ID_LENGTH_MAX);
    const text = cleanName(readExtensibleText(answer), POLL_ANSWER_LENGTH_MAX);
    if (id !== undefined && id !== "" && text !== "" && !answers.some((other) => other.id === id)) answers.push({ id, text });
  }
  if (question === "" || answers.length === 0) return undefined;
  const kind = readString(poll, "kind") ?? "";
  const selectionsMax = readInteger(poll, "max_selections", 1, Number.MAX_SAFE_INTEGER) ?? 1;
  return { question, answers, selectionsMax: Math.min(selectionsMax, answers.length), disclosed: kind === "m.disclosed" || kind === "org.matrix.msc3381.poll.disclosed" };
}

export interface PollVote {
  readonly sender: string;
  /** origin_server_ts. */
  readonly sentAt: number;
  readonly eventId: string;
  readonly answerIds: readonly string[];
}

/** The choices of a response's content, of the unstable and stable forms; empty if it is spoilt. */
export function parsePollChoices(content: JsonRecord | undefined): readonly string[] {
  const unstable = readFirstChild(content, [...POLL_RESPONSE_TYPES].reverse());
  const list = unstable === undefined ? readList(content, "m.selections", POLL_ANSWERS_MAX + 1) : readList(unstable, "answers", POLL_ANSWERS_MAX + 1);
  return list.every((id) => typeof id === "string" && id.length <= ANSWER_ID_LENGTH_MAX) ? (list as readonly string[]) : [];
}

export interface PollTally {
  readonly counts: ReadonlyMap<string, number>;
  readonly voters: ReadonlyMap<string, readonly string[]>;
  readonly total: number;
  readonly winners: readonly string[];
  readonly mine: readonly string[];
  readonly ended: boolean;
}

/**
 * Counts as MSC3381 says: each person's last vote before the end counts; choices beyond the maximum are cut, unknown ones make a vote spoilt, an empty
 * vote takes an earlier one back. The end counts only from whom may end the poll; the caller passes the first such end.
 */
export function tallyPoll(poll: Poll, votes: readonly PollVote[], ownUserId: string, endedAt?: number): PollTally {
  const known = new Set(poll.answers.map((answer) => answer.id));
  const last = new Map<string, PollVote>();
  for (const vote of votes.slice(0, POLL_VOTES_MAX)) {
    if (endedAt !== undefined && vote.sentAt > endedAt) continue;
    const earlier = last.get(vote.sender);
    if (earlier === undefined || isLater(vote, earlier)) last.set(vote.sender, vote);
  }
  const voters = new Map<string, string[]>(poll.answers.map((answer) => [answer.id, []]));
  let total = 0;
  for (const [sender, vote] of last) {
    const choices = [...new Set(vote.answerIds)].slice(0, poll.selectionsMax);
    if (choices.length === 0 || !choices.every((id) => known.has(id))) continue;
    total += 1;
    for (const id of choices) voters.get(id)?.push(sender);
  }
  const counts = new Map([...voters].map(([id, senders]) => [id, senders.length]));
  const most = Math.max(...counts.values());
  return {
    counts,
    voters,
    total,
    winners: most === 0 ? [] : poll.answers.filter((answer) => counts.get(answer.id) === most).map((answer) => answer.id),
    mine: poll.answers.filter((answer) => voters.get(answer.id)?.includes(ownUserId)).map((answer) => answer.id),
    ended: endedAt !== undefined,
  };
}

/** Of two votes at the same instant the greater event ID counts, so that all devices agree. */
function isLater(vote: PollVote, other: PollVote): boolean {
  return vote.sentAt === other.sentAt ? vote.eventId > other.eventId : vote.sentAt > other.sentAt;
}

/** An event that relates to a poll, still hostile. */
export interface PollEvent {
  readonly type: string;
  readonly sender: string;
  readonly sentAt: number;
  readonly eventId: string;
  readonly content: Readonly<Record<string, unknown>>;
  readonly redactedBy?: string;
}

/**
 * The results of a poll from the events that refer to it. Its sender may end it, and so may whom `mayEnd` names (who may take others' messages back).
 * The first valid end counts. While an undisclosed poll runs, only one's own choice is told.
 */
export function buildPollResults(poll: Poll, pollSender: string, related: readonly PollEvent[], ownUserId: string, mayEnd: (userId: string) => boolean = () => false): PollResults {
  const valid = related.filter((event) => event.redactedBy === undefined);
  const ends = valid.filter((event) => POLL_END_TYPES.includes(event.type) && (event.sender === pollSender || mayEnd(event.sender)));
  const endedAt = ends.length === 0 ? undefined : Math.min(...ends.map((event) => event.sentAt));
  const votes = valid.filter((event) => POLL_RESPONSE_TYPES.includes(event.type)).map((event) => ({ sender: event.sender, sentAt: event.sentAt, eventId: event.eventId, answerIds: parsePollChoices(event.content) }));
  const tally = tallyPoll(poll, votes, ownUserId, endedAt);
  const shown = poll.disclosed || tally.ended;
  return { votes: shown ? Object.fromEntries(tally.voters) : {}, mine: tally.mine, ended: tally.ended };
}
