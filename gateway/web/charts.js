// Lines over time and a grid of agents, on canvases that keep a bounded number of points, however long they run.
import {h, compact} from "./dom.js";

export const colour = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
const POINTS = 300, POINTS_LEAST = 30; // the window grows with what there is

function fit(canvas, height) {
    const ratio = devicePixelRatio || 1, width = canvas.clientWidth || 300;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
        canvas.width = Math.round(width * ratio);
        canvas.height = Math.round(height * ratio);
        canvas.style.height = height + "px";
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    return {pen, width};
}

const nice = n => {
    const power = 10 ** Math.floor(Math.log10(n || 1)), part = n / power;
    return (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10) * power;
};

// series: [{label, colour: a variable of the style sheet}]
export function lines(label, series, {format = compact, height = 150} = {}) {
    const points = series.map(() => []), canvas = h("canvas", {role: "img", "aria-label": label});
    const values = series.map(() => h("b", {}, "0"));
    const node = h("div", {}, canvas, h("div", {class: "legend"}, series.map((one, i) => h("span", {}, h("i", {style: {"--c": `var(--${one.colour})`}}), one.label + " ", values[i]))));
    function draw() {
        if (!canvas.isConnected)
            return;
        const {pen, width} = fit(canvas, height), left = 44, top = nice(Math.max(1e-9, ...points.flat())), base = height - 8;
        const y = v => base - v / top * (base - 10);
        pen.font = "11px system-ui, sans-serif";
        pen.fillStyle = colour("dim");
        pen.strokeStyle = colour("line");
        pen.textAlign = "right";
        for (const part of [0, .5, 1]) {
            pen.beginPath();
            pen.moveTo(left, y(top * part));
            pen.lineTo(width, y(top * part));
            pen.stroke();
            pen.fillText(format(top * part), left - 6, y(top * part) + 4);
        }
        series.forEach((one, i) => {
            const list = points[i], span = Math.max(list.length, POINTS_LEAST) - 1, x = n => width - (list.length - 1 - n) / span * (width - left);
            pen.beginPath();
            list.forEach((v, n) => n ? pen.lineTo(x(n), y(v)) : pen.moveTo(x(n), y(v)));
            pen.strokeStyle = colour(one.colour);
            pen.lineWidth = 1.8;
            pen.lineJoin = "round";
            pen.stroke();
            if (i === 0 && list.length > 1) {
                pen.lineTo(width, base);
                pen.lineTo(x(0), base);
                pen.globalAlpha = .1;
                pen.fillStyle = colour(one.colour);
                pen.fill();
                pen.globalAlpha = 1;
            }
            pen.lineWidth = 1;
        });
    }
    function push(...now) {
        now.forEach((v, i) => {
            points[i].push(v);
            if (points[i].length > POINTS)
                points[i].shift();
            values[i].textContent = format(v);
        });
        canvas.setAttribute("aria-label", `${label}: ${series.map((one, i) => `${one.label} ${format(now[i])}`).join(", ")}`);
        draw();
    }
    return {node, push, draw};
}

// A square for each agent, coloured by its state, brighter the more it does.
export function squares(label, kindOf) {
    const canvas = h("canvas", {role: "img", "aria-label": label}), tip = h("p", {class: "dim mono", "aria-hidden": "true"}, "\u00a0");
    let cells = [], columns = 1, side = 10;
    function draw(items) {
        if (items)
            cells = items;
        if (!canvas.isConnected)
            return;
        const width = canvas.clientWidth || 300;
        side = Math.max(7, Math.min(22, Math.floor(Math.sqrt(width * 170 / Math.max(1, cells.length)))));
        columns = Math.max(1, Math.floor(width / side));
        const {pen} = fit(canvas, Math.ceil(Math.max(1, cells.length) / columns) * side);
        const colours = {"": colour("dim"), good: colour("good"), warn: colour("warn"), bad: colour("bad"), info: colour("info")};
        cells.forEach((cell, i) => {
            pen.globalAlpha = cell.busy ? 1 : .38;
            pen.fillStyle = colours[kindOf(cell.state)];
            pen.fillRect(i % columns * side, Math.floor(i / columns) * side, side - 2, side - 2);
        });
        pen.globalAlpha = 1;
    }
    canvas.onpointermove = event => {
        const at = Math.floor(event.offsetY / side) * columns + Math.floor(event.offsetX / side), cell = cells[at];
        tip.textContent = cell ? `${cell.name} \u00b7 ${cell.state} \u00b7 ${cell.queued} queued` : "\u00a0";
    };
    canvas.onpointerleave = () => tip.textContent = "\u00a0";
    return {node: h("div", {}, canvas, tip), draw};
}

export const bar = (items, format = compact) => {
    const most = Math.max(1e-9, ...items.map(([, value]) => value));
    return h("div", {class: "bars"}, items.map(([name, value]) => h("div", {}, h("i", {style: {"--w": `${value / most * 100}%`}}), h("span", {title: name}, name), h("b", {}, format(value)))));
};
