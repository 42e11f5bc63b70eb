import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App.tsx";
import { installScripting } from "./scripting.ts";
import { applyTheme, storedTheme } from "./shell/theme.ts";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/chat.css";
import "./styles/groove.css";
import "./styles/ears.css";
import "./styles/link.css";
import "./styles/runs.css";
import "./styles/presets.css";

applyTheme(storedTheme());
installScripting();

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
