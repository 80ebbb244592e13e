// Deleting an upstream. If it still has keys the server refuses, and the reader is asked again with their number.
import { html, useState } from "/vendor/preact.js";
import * as api from "../../api.js";
import { t } from "../../i18n.js";
import { Confirm } from "../../ui/dialog.js";
import { say } from "../../ui/toast.js";

export function DeleteProvider({ of: provider, onDone, onClose }) {
  const [keys, setKeys] = useState(null);
  const { name } = provider;
  const run = async () => {
    try {
      await api.deleteProvider(name, keys !== null);
    } catch (failure) {
      if (failure.code !== "provider_has_keys" || keys !== null) throw failure;
      return setKeys(await countKeys(name));
    }
    say(t(keys === null ? "provider.deleted" : "provider.deleted_with_keys", { name, n: keys ?? 0 }));
    onDone();
  };
  return html`<${Confirm} key=${keys === null} title=${t("provider.delete_title", { name })} danger run=${run} onClose=${onClose}
    action=${keys === null ? t("provider.delete") : t("provider.delete_with_keys", { n: keys })}>
    <p>${keys === null ? t("provider.delete_text") : t("provider.delete_keys_text", { n: keys })}</p>
  <//>`;
}

/** The number the reader agrees to is asked for now, not remembered from the list. */
const countKeys = async (name) => (await api.listKeys({ provider: name, limit: 1 })).total;
