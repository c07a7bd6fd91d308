import { cleanName } from "./bidi";
import { isUserId } from "./matrix_id";
import type { Readable } from "./store";
import { readList, readRecord, readString, readToken } from "./untrusted";

/** People who get a message each, in their own chats, without seeing one another: Threema's distribution list, WhatsApp's broadcast. */
export interface DistributionList {
  readonly id: string;
  readonly name: string;
  readonly userIds: readonly string[];
}

export interface DistributionLists {
  readonly lists: Readable<readonly DistributionList[]>;
  save(list: DistributionList): Promise<void>;
  remove(listId: string): Promise<void>;
  /** Sends into the direct chat with each; chats that are missing are made. Tells how many have it in their queue. */
  send(list: DistributionList, markdown: string, onProgress: (done: number) => void): Promise<void>;
}

export const LISTS_TYPE = "org.zajil.distribution_lists";
export const LISTS_MAX = 50;
export const RECIPIENTS_MAX = 256;
const NAME_LENGTH_MAX = 100;

/** Account data that another client of ours may have written. */
export function parseLists(content: unknown): readonly DistributionList[] {
  return readList(readRecord(content), "lists", LISTS_MAX).flatMap((each) => {
    const record = readRecord(each);
    const id = readToken(record, "id", 64);
    const name = cleanName(readString(record, "name") ?? "", NAME_LENGTH_MAX);
    const userIds = readList(record, "user_ids", RECIPIENTS_MAX).filter((userId): userId is string => typeof userId === "string" && isUserId(userId));
    return id === undefined || name === "" || userIds.length === 0 ? [] : [{ id, name, userIds: [...new Set(userIds)] }];
  });
}

export function buildListsContent(lists: readonly DistributionList[]): Record<string, unknown> {
  return { lists: lists.slice(0, LISTS_MAX).map(({ id, name, userIds }) => ({ id, name: name.slice(0, NAME_LENGTH_MAX), user_ids: userIds.slice(0, RECIPIENTS_MAX) })) };
}
