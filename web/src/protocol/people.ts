import { ClientEvent, EventType, type MatrixClient, type MatrixEvent } from "matrix-js-sdk";
import type { Engine } from "@/domain/engine";
import { Store } from "@/domain/store";
import type { Account } from "./account";
import { ask } from "./failures";

export function buildPeople(account: Account): Pick<Engine, "blocked" | "setBlocked" | "acceptIdentity"> {
  const { client, trust } = account;
  const blocked = new Store<readonly string[]>([]);
  client.on(ClientEvent.AccountData, (event: MatrixEvent) => {
    if (event.getType() === EventType.IgnoredUserList) blocked.set(readBlocked(client));
  });
  return {
    blocked,
    async setBlocked(userId, isBlocked) {
      const others = readBlocked(client).filter((other) => other !== userId);
      await ask(client.setIgnoredUsers(isBlocked ? [...others, userId] : others));
    },
    async acceptIdentity(userId) {
      const crypto = client.getCrypto();
      const status = await crypto?.getUserVerificationStatus(userId);
      // Whoever was verified is not so any more; whoever was not is now known by the new keys.
      if (status?.wasCrossSigningVerified()) await ask(crypto?.withdrawVerificationRequirement(userId) ?? Promise.resolve());
      await ask(crypto?.pinCurrentUserIdentity(userId) ?? Promise.resolve());
      await trust.refresh(userId);
    },
  };
}

function readBlocked(client: MatrixClient): readonly string[] {
  return client.getIgnoredUsers();
}
