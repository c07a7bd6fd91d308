import assert from "node:assert/strict";
import { runStory } from "./story.ts";

/** A private group of three by a link with a token: one is signed in already, one makes an account on the way; a stranger without the token stays out. */
await runStory(async (stage) => {
  const anna = await stage.newPerson("anna");
  const badr = await stage.newPerson("badr", { language: "ar", width: 360, height: 740 });
  const carla = await stage.newPerson("carla");
  await anna.signUp(stage.invitationLink());
  await badr.signUp(stage.invitationLink());
  await anna.startGroup("Pigeon loft", []);
  await anna.click(anna.page.locator(`main header button[title="${anna.text("chat.info")}"]`).first());
  await anna.click(anna.page.locator('[data-info="links"]'));
  await anna.click(anna.page.locator('[data-invite="make"]'));
  const link = (await anna.page.locator("[data-link]").getAttribute("data-link")) ?? "";
  assert.match(link, /#\/invite\/.*token=/);

  await badr.goTo(link.replace(/token=\w+/, "token=wrong"));
  await badr.sees(badr.text("problem.link_wrong"));
  await badr.goTo(link);
  await badr.page.locator("[data-preview]").getByText("Pigeon loft").waitFor();
  await badr.click(badr.page.locator('[data-invite="join"]'));
  await badr.write("وصلت");
  await anna.sees("وصلت");

  const code = new URL(stage.invitationLink().replace("#/", "")).searchParams.get("token") ?? "";
  await carla.signUp(`${link}&register=${code}`);
  await carla.click(carla.page.locator('[data-invite="join"]'));
  await carla.write("Hello you two");
  await anna.sees("Hello you two");
  await badr.sees("Hello you two");
  await anna.write("Welcome both");
  await carla.sees("Welcome both");
  await badr.sees("Welcome both");

  await anna.click(anna.page.locator("[data-info-page]").getByRole("button", { name: anna.text("ui.back") }));
  await anna.click(anna.page.locator('[data-info="members"]'));
  await anna.page.locator("[data-member]").nth(2).waitFor();
  await anna.page.locator('[data-member="@carla:localhost"]').getByRole("button").nth(1).click();
  await anna.click(anna.page.getByRole("menuitem", { name: anna.text("info.ban") }));
  await anna.pressButton("info.ban", anna.page.getByRole("dialog"));
  await anna.page.locator('[data-member="@carla:localhost"]').getByText(anna.text("info.member_ban")).waitFor();
  await carla.page.locator("[data-room]").filter({ hasText: "Pigeon loft" }).waitFor({ state: "detached" });
  // The list on the disk follows the one on the screen after half a second; an older one would lead into the chat.
  await carla.page.waitForTimeout(1_500);
  await carla.goTo(link);
  await carla.sees(carla.text("problem.join_refused"));
});
