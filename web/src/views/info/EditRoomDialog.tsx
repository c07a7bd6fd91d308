import { useRef, useState } from "react";
import { ImageUp, Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import { may } from "@/domain/room_powers";
import { Avatar } from "../common/Avatar";
import { Button } from "../common/Button";
import { Dialog } from "../common/Dialog";
import { TextField } from "../common/TextField";
import { useShowProblem } from "../common/Toasts";
import { AvatarCropper } from "../media/AvatarCropper";
import { useReadable } from "../use_readable";
import css from "./info.module.css";

/** Name, topic and picture of a room, each for those who may change it. */
export function EditRoomDialog({ roomId, onClose }: { readonly roomId: string; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const engine = useEngine();
  const showProblem = useShowProblem();
  const chat = engine.openChat(roomId);
  const summary = useReadable(chat.summary);
  const { topic: topicNow, powers } = useReadable(engine.care(roomId).details);
  const [name, setName] = useState(summary.name);
  const [topic, setTopic] = useState(topicNow);
  const [cropping, setCropping] = useState<File | null>(null);
  const [isBusy, setBusy] = useState(false);
  const picker = useRef<HTMLInputElement>(null);
  const setPicture = (picture: Blob | null) => void chat.setAvatar(picture).catch(showProblem);
  const save = () => {
    setBusy(true);
    const work = async (): Promise<void> => {
      if (name.trim() !== summary.name && name.trim() !== "") await chat.rename(name.trim());
      if (topic.trim() !== topicNow) await chat.setTopic(topic.trim());
    };
    work().then(onClose, (problem: unknown) => { setBusy(false); showProblem(problem); });
  };
  return <>
    <Dialog open onOpenChange={onClose} title={t("info.edit")} footer={<>
      <Button variant="quiet" onClick={onClose}>{t("ui.cancel")}</Button>
      <Button variant="primary" busy={isBusy && t("arrive.saving")} onClick={save}>{t("ui.save")}</Button>
    </>}>
      <div className={css.form}>
        {may(powers, "picture") && (
          <div className={css.picture}>
            <Avatar id={roomId} name={summary.name} size={72} shape={summary.kind === "community" ? "square" : "round"} {...(summary.avatar ? { source: summary.avatar } : {})} />
            <Button icon={ImageUp} onClick={() => picker.current?.click()}>{t("info.choose_picture")}</Button>
            {summary.avatar && <Button icon={Trash2} onClick={() => setPicture(null)}>{t("info.remove_picture")}</Button>}
            <input ref={picker} type="file" accept="image/*" hidden onChange={(event) => { setCropping(event.target.files?.[0] ?? null); event.target.value = ""; }} />
          </div>
        )}
        {may(powers, "name") && <TextField label={t("new_chat.name")} value={name} maxLength={100} onChange={(event) => setName(event.target.value)} />}
        {may(powers, "topic") && <TextField label={t("info.topic")} multiline={4} value={topic} maxLength={2_000} onChange={(event) => setTopic(event.target.value)} />}
      </div>
    </Dialog>
    {cropping && <AvatarCropper file={cropping} onClose={() => setCropping(null)} onCropped={setPicture} />}
  </>;
}
