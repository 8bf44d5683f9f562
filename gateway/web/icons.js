// Icons of 24 by 24, drawn as strokes.
import {s} from "./dom.js";

const shapes = {
    overview: "M4 13h6V4H4zM14 20h6v-9h-6zM4 20h6v-3H4zM14 7h6V4h-6z",
    chat: "M4 5h16v11H9l-5 4z",
    tasks: "M9 6h11M9 12h11M9 18h11M4 6l1 1 2-2M4 12l1 1 2-2M4 18l1 1 2-2",
    decisions: "M12 4v16M5 8h14M5 8l-3 6h6zM19 8l-3 6h6zM8 20h8",
    approvals: "M12 3l8 3v6c0 5-4 8-8 9-4-1-8-4-8-9V6zM8.5 12l2.5 2.5 4.5-5",
    knowledge: "M4 5c3-1 6-1 8 1 2-2 5-2 8-1v14c-3-1-6-1-8 1-2-2-5-2-8-1zM12 6v14",
    agents: "M12 11a4 4 0 100-8 4 4 0 000 8zM4 21c0-4 4-7 8-7s8 3 8 7",
    topics: "M12 13a1 1 0 100-2 1 1 0 000 2zM8 16a6 6 0 010-8M16 8a6 6 0 010 8M5 19a10 10 0 010-14M19 5a10 10 0 010 14",
    traces: "M5 4v6a3 3 0 003 3h8a3 3 0 013 3v4M5 13v7M5 4h4M16 20h6",
    models: "M9 3v3M15 3v3M9 18v3M15 18v3M3 9h3M3 15h3M18 9h3M18 15h3M6 6h12v12H6zM10 10h4v4h-4z",
    logs: "M5 3h10l4 4v14H5zM9 10h6M9 14h6M9 18h4",
    fleet: "M4 4h16v6H4zM4 14h16v6H4zM8 7h.01M8 17h.01",
    settings: "M4 7h9M17 7h3M15 5v4M4 17h3M11 17h9M9 15v4",
    menu: "M4 6h16M4 12h16M4 18h16",
    theme: "M12 3a9 9 0 100 18zM12 3a9 9 0 010 18",
    mic: "M12 3a3 3 0 00-3 3v5a3 3 0 006 0V6a3 3 0 00-3-3zM5 11a7 7 0 0014 0M12 18v3",
    stop: "M7 7h10v10H7z",
    image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15 9h.01",
    send: "M4 12l16-8-6 16-3-6z",
    up: "M7 11v9H4v-9zM7 11l4-8c2 0 3 1 3 3v3h6l-2 11H7",
    down: "M7 13V4H4v9zM7 13l4 8c2 0 3-1 3-3v-3h6L18 4H7",
    speak: "M4 9v6h4l5 4V5L8 9zM16 9a4 4 0 010 6M19 6a8 8 0 010 12",
    clear: "M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13",
};

export const icon = name => s("svg", {viewBox: "0 0 24 24", class: "ico", "aria-hidden": "true", focusable: "false"}, s("path", {d: shapes[name]}));
