import { useState } from "react";
import { Eye, EyeOff } from "lucide-react";
import { useTranslation } from "react-i18next";
import { PASSWORD_CHARACTERS_MAX, ratePassword, type PasswordStrength } from "@/domain/password_strength";
import { IconButton } from "@/views/common/IconButton";
import { TextField } from "@/views/common/TextField";
import css from "./PasswordField.module.css";

const BARS: Readonly<Record<PasswordStrength, number>> = { "too-short": 0, common: 0, weak: 1, fair: 2, good: 3, strong: 4 };

interface PasswordFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** Choosing one: a meter shows how hard it is to guess. `ownWords` make it easier. */
  readonly isNew?: boolean;
  readonly ownWords?: readonly string[];
  readonly error?: string | undefined;
  readonly autoFocus?: boolean;
}

export function PasswordField({ label, value, onChange, isNew = false, ownWords = [], error, autoFocus = false }: PasswordFieldProps) {
  const { t } = useTranslation();
  const [isShown, setIsShown] = useState(false);
  const strength = ratePassword(value, ownWords);
  return (
    <div>
      <TextField
        label={label}
        name="password"
        type={isShown ? "text" : "password"}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        autoComplete={isNew ? "new-password" : "current-password"}
        autoCapitalize="none"
        spellCheck={false}
        maxLength={PASSWORD_CHARACTERS_MAX}
        autoFocus={autoFocus}
        dir="ltr"
        required
        error={error}
        hint={isNew && value === "" ? t("arrive.passwordHint") : undefined}
        trailing={<IconButton label={isShown ? t("arrive.passwordHide") : t("arrive.passwordShow")} icon={isShown ? EyeOff : Eye} iconSize={20} onClick={() => setIsShown(!isShown)} />}
      />
      {isNew && value !== "" && (
        <div className={css.strength} data-strength={strength}>
          <span className={css.bars} aria-hidden="true">
            {[1, 2, 3, 4].map((bar) => <span key={bar} className={bar <= BARS[strength] ? css.lit : css.bar} />)}
          </span>
          <span role="status">{t(`arrive.strength_${strength}`)}</span>
        </div>
      )}
    </div>
  );
}
