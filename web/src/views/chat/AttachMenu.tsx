import { useRef, useState } from "react";
import { BarChart3, File as FileIcon, Image, MapPin, Paperclip, UserRound } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Chat } from "@/domain/engine";
import { IconButton } from "../common/IconButton";
import { Menu } from "../common/Menu";
import { ContactDialog } from "./ContactDialog";
import { LocationDialog } from "./LocationDialog";
import { PollDialog } from "./PollDialog";

export function AttachMenu({ chat, onFiles }: { readonly chat: Chat; readonly onFiles: (files: readonly File[], asFiles?: boolean) => void }) {
  const { t } = useTranslation();
  const pictures = useRef<HTMLInputElement>(null);
  const files = useRef<HTMLInputElement>(null);
  const [open, setOpen] = useState<"poll" | "location" | "contact" | null>(null);
  const take = (event: React.ChangeEvent<HTMLInputElement>) => {
    onFiles([...(event.currentTarget.files ?? [])], event.currentTarget.dataset["attach"] === "file");
    event.currentTarget.value = "";
  };
  const close = () => setOpen(null);
  return <>
    <Menu
      align="start"
      trigger={<IconButton label={t("composer.attach")} icon={Paperclip} />}
      entries={[
        { key: "media", label: t("composer.attach_media"), icon: Image, onSelect: () => pictures.current?.click() },
        { key: "file", label: t("composer.attach_file"), icon: FileIcon, onSelect: () => files.current?.click() },
        { key: "poll", label: t("composer.attach_poll"), icon: BarChart3, onSelect: () => setOpen("poll") },
        { key: "location", label: t("composer.attach_location"), icon: MapPin, onSelect: () => setOpen("location") },
        { key: "contact", label: t("composer.attach_contact"), icon: UserRound, onSelect: () => setOpen("contact") },
      ]}
    />
    <input ref={pictures} type="file" hidden multiple accept="image/*,video/*" onChange={take} data-attach="media" aria-label={t("composer.attach_media")} />
    <input ref={files} type="file" hidden multiple onChange={take} data-attach="file" aria-label={t("composer.attach_file")} />
    {open === "poll" && <PollDialog onClose={close} onSend={(question, answers, max, disclosed) => chat.sendPoll(question, answers, max, disclosed)} />}
    {open === "location" && <LocationDialog onClose={close} onSend={(place, label) => chat.sendLocation(place, label)} />}
    {open === "contact" && <ContactDialog onClose={close} onSend={(person) => chat.sendContact(person.userId, person.name)} />}
  </>;
}
