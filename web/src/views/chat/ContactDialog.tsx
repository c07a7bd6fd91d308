import { useTranslation } from "react-i18next";
import type { Person } from "@/domain/engine";
import { Dialog } from "../common/Dialog";
import { PeopleSearch } from "../chats/PeopleSearch";

export function ContactDialog({ onClose, onSend }: { readonly onClose: () => void; readonly onSend: (person: Person) => void }) {
  const { t } = useTranslation();
  return (
    <Dialog open onOpenChange={onClose} title={t("composer.attach_contact")}>
      <PeopleSearch onChoose={(person) => { onSend(person); onClose(); }} />
    </Dialog>
  );
}
