import type { Arrival } from "@/domain/arrival";
import { Problem } from "@/domain/problem";
import { logIn, logInWithToken } from "./login";
import { checkUsername, loadNeeds, register, resetPassword } from "./registration";

/** What can be done at one homeserver before one is signed in. */
export function buildArrival(baseUrl: string): Arrival {
  return {
    loadNeeds: () => loadNeeds(baseUrl),
    checkUsername: (username, signal) => checkUsername(baseUrl, username, signal),
    register: (account) => register(baseUrl, account),
    logIn(user, password, deviceId) {
      if (user.trim() === "") throw new Problem("usernameMissing");
      return logIn(baseUrl, user, password, deviceId);
    },
    logInWithToken: (token) => logInWithToken(baseUrl, token),
    resetPassword: (token, password) => resetPassword(baseUrl, token, password),
  };
}
