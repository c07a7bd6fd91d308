import type { Person } from "../person.ts";
import { control, type Screen, setHash } from "./ways.ts";

const PIN = "481516";

async function show(person: Person, hash: string, field: string): Promise<void> {
  await person.goTo(hash);
  await person.field(field).waitFor();
}

/** Before one is signed in, each on a browser that knows nobody. The last one signs in. */
export const ARRIVALS: readonly Screen[] = [
  { name: "log-in", show: (person) => show(person, "#/login", "password") },
  { name: "log-in-wrong", show: async (person) => { await person.logIn("anna", "not the password"); await person.page.getByRole("alert").first().waitFor(); } },
  { name: "log-in-code", show: async (person) => { await person.goTo("#/login?token=abc&user=@anna:localhost"); await person.page.getByText("@anna:localhost").first().waitFor(); } },
  { name: "sign-up", show: (person) => show(person, "#/register?token=abc", "username") },
  { name: "reset-password", show: (person) => show(person, "#/reset-password?token=abc", "password") },
  { name: "restore", show: async (person) => { await person.logIn("anna"); await person.field("recovery-key").waitFor(); } },
];

/** The lock, set and then seen; it stays on the device, so it comes last. */
export async function showLock(person: Person): Promise<void> {
  await setHash(person, "#/settings/lock");
  await control(person, "button", "settings.pin_set").click();
  await person.field("new-pin").fill(PIN);
  await person.field("new-pin-again").fill(PIN);
  await control(person, "button", "ui.save", person.page.getByRole("dialog")).click();
  await control(person, "button", "settings.lock_now").click();
  await person.field("pin").waitFor();
}
