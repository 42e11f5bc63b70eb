import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// In development the page comes from Vite and everything else from a running `conduit up`.
const server = process.env.CONDUIT_URL ?? "http://127.0.0.1:9321";
const paths = [
  "/ask",
  "/blocks",
  "/ears",
  "/files",
  "/health",
  "/history",
  "/link",
  "/planner",
  "/presets",
  "/providers",
  "/reset",
  "/runs",
];

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2023",
    modulePreload: { polyfill: false },
    // Everything in a file of its own: the page's policy forbids inline scripts.
    assetsInlineLimit: 0,
  },
  server: { proxy: Object.fromEntries(paths.map((path) => [path, server])) },
});
