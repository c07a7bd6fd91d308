import { lazy, Suspense, useState } from "react";
import { Link2, Megaphone, Network, QrCode, ScanLine, Send, UsersRound } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import { buildRoute, parseMatrixLink } from "@/domain/invite_link";
import type { Person } from "@/domain/engine";
import { Button } from "../common/Button";
import { Dialog } from "../common/Dialog";
import { TextField } from "../common/TextField";
import { showToast, useShowProblem } from "../common/Toasts";
import { Waiting } from "../common/Waiting";
import { NewGroupForm } from "./NewGroupForm";
import { PeopleSearch } from "./PeopleSearch";
import css from "./NewChatDialog.module.css";

const ScanDialog = lazy(async () => ({ default: (await import("../invite/ScanDialog")).ScanDialog }));
const MyCodeDialog = lazy(async () => ({ default: (await import("../people/MyCode")).MyCodeDialog }));
const BroadcastDialog = lazy(async () => ({ default: (await import("../people/BroadcastDialog")).BroadcastDialog }));

type Step = "people" | "group" | "channel" | "community" | "link" | "scan" | "code" | "broadcast";

export interface NewChatDialogProps {
  readonly onClose: () => void;
  readonly onOpenChat: (roomId: string) => void;
  /** Follows an invitation or a link; the app knows all kinds of them. */
  readonly onOpenLink: (link: string) => void;
}

/** One place to begin: a person, a group, a channel, a community, or a link that one was given. */
export function NewChatDialog({ onClose, onOpenChat, onOpenLink }: NewChatDialogProps) {
  const { t } = useTranslation();
  const engine = useEngine();
  const showProblem = useShowProblem();
  const [step, setStep] = useState<Step>("people");
  const [busy, setBusy] = useState(false);
  const open = (making: Promise<string>) => {
    setBusy(true);
    making.then((roomId) => { onClose(); onOpenChat(roomId); }, (problem) => { setBusy(false); showProblem(problem); });
  };
  const start = (person: Person) => open(engine.startDirectChat(person.userId));
  if (step === "scan") return <Suspense><ScanDialog onClose={onClose} onTarget={(target) => { onClose(); onOpenLink(buildRoute(target)); }} /></Suspense>;
  if (step === "code") return <Suspense><MyCodeDialog onClose={onClose} /></Suspense>;
  if (step === "broadcast") return <Suspense><BroadcastDialog onClose={onClose} /></Suspense>;
  return (
    <Dialog open onOpenChange={onClose} title={t(`new_chat.title_${step}`)}>
      {busy ? <Waiting sentence={t("new_chat.making")} /> : step === "people" ? <>
        <div className={css.ways}>
          <button type="button" className={css.way} onClick={() => setStep("group")}><UsersRound size={20} aria-hidden="true" />{t("new_chat.title_group")}</button>
          <button type="button" className={css.way} onClick={() => setStep("channel")}><Megaphone size={20} aria-hidden="true" />{t("new_chat.title_channel")}</button>
          <button type="button" className={css.way} onClick={() => setStep("community")}><Network size={20} aria-hidden="true" />{t("new_chat.title_community")}</button>
          <button type="button" className={css.way} onClick={() => setStep("link")}><Link2 size={20} aria-hidden="true" />{t("new_chat.title_link")}</button>
          <button type="button" className={css.way} onClick={() => setStep("scan")}><ScanLine size={20} aria-hidden="true" />{t("new_chat.scan")}</button>
          <button type="button" className={css.way} onClick={() => setStep("code")}><QrCode size={20} aria-hidden="true" />{t("new_chat.my_code")}</button>
          <button type="button" className={css.way} onClick={() => setStep("broadcast")}><Send size={20} aria-hidden="true" className="mirrored" />{t("new_chat.title_broadcast")}</button>
        </div>
        <PeopleSearch onChoose={start} />
      </> : step === "link" ? <LinkForm onOpenLink={(link) => { onClose(); onOpenLink(link); }} />
        : <NewGroupForm kind={step} onCreate={(group) => open(engine.createGroup(group))} />}
    </Dialog>
  );
}

function LinkForm({ onOpenLink }: { readonly onOpenLink: (link: string) => void }) {
  const { t } = useTranslation();
  const [link, setLink] = useState("");
  const known = parseMatrixLink(link.trim()) !== undefined || /^[#!@][^\s:]+(?::\S+)?$/u.test(link.trim());
  const go = () => { if (known) onOpenLink(link.trim()); else showToast({ text: t("new_chat.bad_link"), tone: "danger" }); };
  return <>
    <TextField label={t("new_chat.link")} hint={t("new_chat.link_hint")} dir="ltr" value={link} onChange={(event) => setLink(event.target.value)} onKeyDown={(event) => { if (event.key === "Enter") go(); }} autoFocus />
    <Button variant="primary" disabled={!link.trim()} onClick={go}>{t("new_chat.open_link")}</Button>
  </>;
}
