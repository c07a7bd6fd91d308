import { parseHierarchy, ROOMS_MAX, type Communities, type CommunityRoom } from "@/domain/communities";
import type { Engine, NewGroup } from "@/domain/engine";
import type { Account } from "./account";
import { ask } from "./failures";

const PAGE = 50;
const PAGES_MAX = 10;

export function buildCommunities(account: Account, createGroup: Engine["createGroup"], viaOf: (roomId: string) => readonly string[]): Communities {
  const { client } = account;
  const child = (communityId: string, roomId: string, content: object) => ask(client.sendStateEvent(communityId, "m.space.child" as never, content as never, roomId));
  const add = async (communityId: string, roomId: string) => void (await child(communityId, roomId, { via: viaOf(roomId) }));
  return {
    load: (communityId) => load(account, communityId),
    add,
    remove: async (communityId, roomId) => void (await child(communityId, roomId, {})),
    async setSuggested(communityId, roomId, suggested) {
      const before = client.getRoom(communityId)?.currentState.getStateEvents("m.space.child", roomId)?.getContent();
      await child(communityId, roomId, { via: viaOf(roomId), ...before, suggested });
    },
    async createChat(communityId, group: NewGroup) {
      const roomId = await createGroup({ ...group, access: "private" });
      const allow = [{ type: "m.room_membership", room_id: communityId }];
      await ask(client.sendStateEvent(roomId, "m.room.join_rules" as never, { join_rule: "restricted", allow } as never));
      await ask(client.sendStateEvent(roomId, "m.space.parent" as never, { via: viaOf(communityId), canonical: true } as never, communityId));
      await add(communityId, roomId);
      return roomId;
    },
  };
}

async function load({ client }: Account, communityId: string): Promise<readonly CommunityRoom[]> {
  const rooms: unknown[] = [];
  let from: string | undefined;
  for (let page = 0; page < PAGES_MAX && rooms.length <= ROOMS_MAX; page += 1) {
    const answer = await ask(client.getRoomHierarchy(communityId, PAGE, 1, false, from));
    rooms.push(...answer.rooms);
    from = answer.next_batch;
    if (from === undefined) break;
  }
  return parseHierarchy(communityId, rooms).map((room) => {
    const membership = client.getRoom(room.roomId)?.getMyMembership();
    return membership === undefined ? room : { ...room, membership };
  });
}
