import { ClientEvent, type MatrixEvent } from "matrix-js-sdk";
import type { Engine } from "@/domain/engine";
import { buildListsContent, LISTS_TYPE, parseLists, type DistributionList, type DistributionLists } from "@/domain/people_lists";
import { Store } from "@/domain/store";
import type { Account } from "./account";
import { ask } from "./failures";

/** Distribution lists, in account data, so that all of one's devices have them. */
export function buildDistributionLists({ client }: Account, chats: Pick<Engine, "startDirectChat" | "openChat">): DistributionLists {
  const read = () => parseLists(client.getAccountData(LISTS_TYPE as never)?.getContent());
  const lists = new Store<readonly DistributionList[]>(read());
  client.on(ClientEvent.AccountData, (event: MatrixEvent) => void (event.getType() === LISTS_TYPE && lists.set(read())));
  const store = async (changed: readonly DistributionList[]) => void (await ask(client.setAccountData(LISTS_TYPE as never, buildListsContent(changed) as never)));
  return {
    lists,
    save: (list) => store([...read().filter(({ id }) => id !== list.id), list]),
    remove: (listId) => store(read().filter(({ id }) => id !== listId)),
    async send({ userIds }, markdown, onProgress) {
      for (const [at, userId] of userIds.entries()) {
        chats.openChat(await chats.startDirectChat(userId)).sendText({ markdown, mentions: [], hop: 0 });
        onProgress(at + 1);
      }
    },
  };
}
