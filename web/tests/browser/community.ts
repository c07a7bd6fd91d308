import { runStory } from "./story.ts";

/** A community with a group that was there before and one made inside; a member joins both. */
await runStory(async (stage) => {
  const anna = await stage.newPerson("anna");
  const badr = await stage.newPerson("badr", { language: "ar", width: 360, height: 740 });
  await anna.signUp(stage.invitationLink());
  await badr.signUp(stage.invitationLink());
  await anna.startGroup("Breeders", []);
  await anna.pressButton("new_chat.title_people");
  const dialog = anna.page.getByRole("dialog");
  await anna.pressButton("new_chat.title_community", dialog);
  await dialog.getByLabel(anna.text("new_chat.name"), { exact: true }).fill("Pigeon club");
  await dialog.getByLabel(anna.text("people.search")).fill("badr");
  await anna.click(dialog.getByRole("list", { name: anna.text("people.found") }).getByRole("button").filter({ hasText: "badr" }).first());
  await anna.pressButton("ui.create", dialog);
  await anna.page.locator("[data-community]").waitFor();
  await anna.click(anna.page.locator('[data-community-do="add"]'));
  await anna.click(anna.page.locator("[data-add-chat]").filter({ hasText: "Breeders" }));
  await anna.page.locator("[data-community-room]").filter({ hasText: "Breeders" }).waitFor();
  await anna.click(anna.page.locator('[data-community-do="new"]'));
  await dialog.getByLabel(anna.text("new_chat.name"), { exact: true }).fill("Races");
  await anna.pressButton("ui.create", dialog);
  await anna.write("First race on Saturday");

  await badr.openChat("Pigeon club");
  await badr.pressButton("invite.accept");
  await badr.page.locator("[data-community]").waitFor();
  const races = badr.page.locator("[data-community-room]").filter({ hasText: "Races" });
  await badr.click(races.locator('[data-community-do="join"]'));
  await badr.write("سأكون هناك");
  await anna.sees("سأكون هناك");
});
