import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../common/Button";
import { Dialog } from "../common/Dialog";
import { TextField } from "../common/TextField";

export function NewFolderDialog({ onMake, onClose }: { readonly onMake: (name: string) => void; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const [name, setName] = useState("");
  const make = () => { if (name.trim()) { onMake(name.trim()); onClose(); } };
  return (
    <Dialog open onOpenChange={onClose} title={t("chats.new_folder")} size="s" footer={<Button variant="primary" disabled={!name.trim()} onClick={make}>{t("ui.create")}</Button>}>
      <TextField label={t("chats.folder_name")} value={name} maxLength={40} onChange={(event) => setName(event.target.value)} onKeyDown={(event) => { if (event.key === "Enter") make(); }} autoFocus />
    </Dialog>
  );
}
