import { useEffect, useRef, useState } from "react";
import { Plus, Send } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { OutgoingFile } from "@/domain/engine";
import { SEND_FILES_MAX } from "@/domain/media/limits";
import { Button } from "@/views/common/Button";
import { Dialog } from "@/views/common/Dialog";
import { useFormats } from "@/views/common/locale";
import { Switch } from "@/views/common/Switch";
import { TextField } from "@/views/common/TextField";
import { useShowProblem } from "@/views/common/Toasts";
import { useMedia } from "./media_context";
import { SendRow } from "./SendRow";
import { buildItems, buildOutgoing, kindOf, maySend, type SendItem } from "./send_items";
import css from "./SendDialog.module.css";

export interface SendDialogProps {
  /** Chosen, dropped or pasted. */
  readonly files: readonly File[];
  /** Words already in the composer. */
  readonly caption?: string;
  readonly replyTo?: string;
  /** Everything as a file: "document" was chosen. */
  readonly asFiles?: boolean;
  readonly onSend: (files: readonly OutgoingFile[]) => void;
  readonly onClose: () => void;
}

/** What is about to be sent, before it is: order, caption, size, once only. */
export function SendDialog({ files, caption: givenCaption = "", replyTo, asFiles: givenAsFiles = false, onSend, onClose }: SendDialogProps) {
  const { t } = useTranslation();
  const formats = useFormats();
  const media = useMedia();
  const showProblem = useShowProblem();
  const { items, add, remove, move } = useItems(files);
  const [caption, setCaption] = useState(givenCaption);
  const [compress, setCompress] = useState(true);
  const [viewOnce, setViewOnce] = useState(false);
  const [asFiles, setAsFiles] = useState(givenAsFiles);
  const [isPreparing, setPreparing] = useState(false);
  const picker = useRef<HTMLInputElement>(null);
  const sendable = items.filter(maySend);
  const hasVisuals = items.some((item) => item.facts?.kind === "image" || item.facts?.kind === "video");
  const hasImages = items.some((item) => kindOf(item, asFiles) === "image");
  const isOne = items.length === 1;

  const send = (): void => {
    if (sendable.length === 0 || isPreparing) return;
    setPreparing(true);
    buildOutgoing(media, items, { caption, compress: compress && !asFiles, viewOnce: viewOnce && !asFiles, asFiles, ...(replyTo ? { replyTo } : {}) })
      .then((outgoing) => {
        onSend(outgoing);
        onClose();
      }, showProblem)
      .finally(() => setPreparing(false));
  };

  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={t("media.send_files", { count: items.length, n: formats.number(items.length) })}
      size="m"
      footer={<>
        <Button variant="quiet" icon={Plus} onClick={() => picker.current?.click()} disabled={items.length >= SEND_FILES_MAX}>{t("media.add_files")}</Button>
        <Button variant="primary" icon={Send} onClick={send} disabled={sendable.length === 0} busy={isPreparing && t("media.preparing")}>{t("media.send")}</Button>
      </>}
    >
      <input ref={picker} type="file" multiple hidden onChange={(event) => { add([...(event.target.files ?? [])]); event.target.value = ""; }} />
      <ol className={css.items} aria-label={t("media.files")}>
        {items.map((item, index) => (
          <SendRow key={item.key} item={item} asFiles={asFiles} isLarge={isOne} onRemove={isOne ? undefined : () => remove(item.key)} onEarlier={index > 0 ? () => move(index, -1) : undefined} onLater={index < items.length - 1 ? () => move(index, 1) : undefined} />
        ))}
      </ol>
      <TextField label={t("media.caption")} value={caption} onChange={(event) => setCaption(event.target.value)} dir="auto" maxLength={4_000} onKeyDown={(event) => { if (event.key === "Enter" && !event.nativeEvent.isComposing) send(); }} />
      {hasVisuals && <div className={css.choices}>
        {hasImages && <Switch label={t("media.compress")} hint={t("media.compress_hint")} checked={compress} onCheckedChange={setCompress} />}
        {!asFiles && <Switch label={t("media.once")} hint={t("media.once_choice_hint")} checked={viewOnce} onCheckedChange={setViewOnce} />}
        <Switch label={t("media.as_files")} checked={asFiles} onCheckedChange={setAsFiles} />
      </div>}
    </Dialog>
  );
}

function useItems(files: readonly File[]) {
  const media = useMedia();
  const [items, setItems] = useState<readonly SendItem[]>(() => buildItems(files));
  const keys = items.map((item) => item.key).join();
  useEffect(() => {
    let isHere = true;
    for (const item of items) {
      if (item.facts) continue;
      media.inspect(item.file).then(
        (facts) => isHere && setItems((old) => old.map((each) => (each.key === item.key ? { ...each, facts } : each))),
        () => isHere && setItems((old) => old.map((each) => (each.key === item.key ? { ...each, facts: { kind: "file", mimeType: "application/octet-stream", size: item.file.size, problem: "media.unreadable" } } : each))),
      );
    }
    return () => { isHere = false; };
  }, [media, keys]); // oxlint-disable-line react/exhaustive-deps -- only new files are looked at; what is known stays
  return {
    items,
    add: (more: readonly File[]) => setItems((old) => [...old, ...buildItems(more)].slice(0, SEND_FILES_MAX)),
    remove: (key: string) => setItems((old) => old.filter((item) => item.key !== key)),
    move: (index: number, by: 1 | -1) =>
      setItems((old) => {
        const next = [...old];
        const [moved] = next.splice(index, 1);
        if (moved) next.splice(index + by, 0, moved);
        return next;
      }),
  };
}
