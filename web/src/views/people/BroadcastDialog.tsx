import { useState } from "react";
import { Megaphone, Plus, Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { Person } from "@/domain/engine";
import { LISTS_MAX, RECIPIENTS_MAX, type DistributionList } from "@/domain/people_lists";
import { Button } from "../common/Button";
import { Dialog } from "../common/Dialog";
import { IconButton } from "../common/IconButton";
import { PersonText } from "../common/PersonText";
import { TextField } from "../common/TextField";
import { showToast, useShowProblem } from "../common/Toasts";
import { InfoRow } from "../info/parts";
import { PeoplePicker } from "../invite/PeoplePicker";
import css from "../invite/invite.module.css";
import { useReadable } from "../use_readable";

type Step = { readonly name: "lists" } | { readonly name: "edit"; readonly list: DistributionList | null } | { readonly name: "write"; readonly list: DistributionList };

/** One message to several people, each in their own chat. */
export function BroadcastDialog({ onClose }: { readonly onClose: () => void }) {
  const { t } = useTranslation();
  const [step, setStep] = useState<Step>({ name: "lists" });
  return (
    <Dialog open onOpenChange={onClose} title={step.name === "write" ? step.list.name : t("broadcast.title")} description={step.name === "lists" ? t("broadcast.text") : undefined}>
      {step.name === "lists" && <Lists onStep={setStep} />}
      {step.name === "edit" && <EditList onDone={() => setStep({ name: "lists" })} />}
      {step.name === "write" && <Write list={step.list} onClose={onClose} />}
    </Dialog>
  );
}

function Lists({ onStep }: { readonly onStep: (step: Step) => void }) {
  const { t } = useTranslation();
  const engine = useEngine();
  const showProblem = useShowProblem();
  const lists = useReadable(engine.lists.lists);
  return (
    <div className={css.stack}>
      {lists.map((list) => (
        <div key={list.id} className={css.line}>
          <InfoRow icon={Megaphone} label={list.name} value={t("broadcast.people", { count: list.userIds.length })} onClick={() => onStep({ name: "write", list })} />
          <IconButton icon={Trash2} label={t("broadcast.remove", { name: list.name })} onClick={() => void engine.lists.remove(list.id).catch(showProblem)} />
        </div>
      ))}
      {lists.length < LISTS_MAX && <Button icon={Plus} variant={lists.length === 0 ? "primary" : "secondary"} onClick={() => onStep({ name: "edit", list: null })}>{t("broadcast.new")}</Button>}
    </div>
  );
}

function EditList({ onDone }: { readonly onDone: () => void }) {
  const { t } = useTranslation();
  const engine = useEngine();
  const showProblem = useShowProblem();
  const [name, setName] = useState("");
  const [people, setPeople] = useState<readonly Person[]>([]);
  const save = () => void engine.lists.save({ id: crypto.randomUUID(), name: name.trim(), userIds: people.map(({ userId }) => userId) }).then(onDone, showProblem);
  return (
    <div className={css.stack}>
      <TextField label={t("broadcast.name")} value={name} maxLength={100} onChange={(event) => setName(event.target.value)} autoFocus />
      <PeoplePicker autoFocus={false} chosen={people} max={RECIPIENTS_MAX} onChange={setPeople} />
      <Button variant="primary" disabled={name.trim() === "" || people.length === 0} onClick={save}>{t("ui.save")}</Button>
    </div>
  );
}

function Write({ list, onClose }: { readonly list: DistributionList; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const engine = useEngine();
  const showProblem = useShowProblem();
  const chats = useReadable(engine.chats);
  const [text, setText] = useState("");
  const [done, setDone] = useState<number | null>(null);
  const nameOf = (userId: string) => chats.find((chat) => chat.peer?.userId === userId)?.name ?? userId;
  const send = () => {
    setDone(0);
    engine.lists.send(list, text.trim(), setDone).then(() => { showToast({ text: t("broadcast.sent", { count: list.userIds.length }) }); onClose(); }, (problem: unknown) => { setDone(null); showProblem(problem); });
  };
  return (
    <div className={css.stack}>
      <p className={css.quiet}>{list.userIds.slice(0, 20).map((userId, at) => <span key={userId}>{at > 0 && " · "}<PersonText>{nameOf(userId)}</PersonText></span>)}</p>
      <TextField label={t("broadcast.message")} multiline={5} value={text} maxLength={10_000} onChange={(event) => setText(event.target.value)} autoFocus />
      <Button variant="primary" disabled={text.trim() === ""} busy={done !== null && t("broadcast.sending", { done, total: list.userIds.length })} onClick={send}>{t("broadcast.send", { count: list.userIds.length })}</Button>
    </div>
  );
}
