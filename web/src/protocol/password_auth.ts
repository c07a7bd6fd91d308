import type { MatrixClient } from "matrix-js-sdk";
import { Problem } from "@/domain/problem";
import { failureOf, problemOf } from "./failures";

export interface PasswordAuth {
  readonly type: "m.login.password";
  readonly identifier: { readonly type: "m.id.user"; readonly user: string };
  readonly password: string;
  readonly session?: string;
}

/** Makes a request that the server lets pass only with the password (client-server API, "User-interactive authentication"). */
export async function withPassword<T>(client: MatrixClient, password: string, request: (auth: PasswordAuth | undefined) => Promise<T>): Promise<T> {
  try {
    return await request(undefined);
  } catch (error) {
    if (failureOf(error).status !== 401) throw problemOf(error);
    const { data } = error as { readonly data?: { readonly session?: string } };
    const auth: PasswordAuth = { type: "m.login.password", identifier: { type: "m.id.user", user: client.getSafeUserId() }, password, ...(data?.session ? { session: data.session } : {}) };
    try {
      return await request(auth);
    } catch (refused) {
      const { status } = failureOf(refused);
      throw status === 401 || status === 403 ? new Problem("wrong_password", {}, refused) : problemOf(refused);
    }
  }
}
