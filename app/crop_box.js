// A box on a picture. Edges are left, upper, right and lower, in percent of its width and height.

const NEAR = 14; // pixels from an edge within which a pointer takes hold of it
const LEAST = 5; // percent between opposite edges, as app/state.py has it
const PAUSE = 600; // ms after the last key before the search follows
const STEPS = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, PageUp: -10, PageDown: 10 };

export default function ({ parentElement, data, setStateValue }) {
  const picture = parentElement.querySelector(".picture");
  const boxes = picture.querySelectorAll(".part, .light");
  const handles = [...picture.querySelectorAll("[role=slider]")];
  const image = picture.querySelector("img");
  if (image.src !== data.picture) image.src = data.picture;
  let edges = [...data.edges];
  let waiting;

  const draw = () => {
    const [left, upper, right, lower] = edges;
    const inset = `${upper}% ${100 - right}% ${100 - lower}% ${left}%`;
    boxes.forEach((box) => (box.style.inset = inset));
    handles.forEach((handle, edge) => {
      handle.setAttribute("aria-valuenow", edges[edge]);
      handle.setAttribute("aria-valuetext", `${edges[edge]} percent`);
    });
  };

  const move = (edge, to) => {
    const opposite = edges[(edge + 2) % 4];
    const [low, high] = edge < 2 ? [0, opposite - LEAST] : [opposite + LEAST, 100];
    edges[edge] = Math.round(Math.min(Math.max(to, low), high));
  };

  const commit = () => {
    clearTimeout(waiting);
    if (String(edges) !== String(data.edges)) setStateValue("edges", edges);
  };

  const isWhole = () => String(edges) === "0,0,100,100";

  // What a pointer at a place drags: edges near it, the whole box, or a new one.
  const hold = (at, size) => {
    const near = edges.map((edge, index) => {
      const axis = index % 2;
      const across = at[1 - axis];
      const beside = across > edges[1 - axis] - 5 && across < edges[3 - axis] + 5;
      return beside && Math.abs(at[axis] - edge) * size[axis] < NEAR * 100;
    });
    if (near.some(Boolean)) {
      return (to) => near.forEach((held, edge) => held && move(edge, to[edge % 2]));
    }
    const inside = at.every((place, axis) => place > edges[axis] && place < edges[axis + 2]);
    if (inside && !isWhole()) {
      const before = [...edges];
      return (to) => {
        [0, 1].forEach((axis) => {
          const shift = Math.min(
            Math.max(to[axis] - at[axis], -before[axis]),
            100 - before[axis + 2],
          );
          edges[axis] = Math.round(before[axis] + shift);
          edges[axis + 2] = edges[axis] + before[axis + 2] - before[axis];
        });
      };
    }
    return (to) => {
      [0, 1].forEach((axis) => {
        const start = Math.min(Math.max(at[axis], 0), 100 - LEAST);
        edges[axis] = Math.round(Math.min(start, Math.max(to[axis], 0)));
        edges[axis + 2] = Math.round(Math.min(Math.max(start, to[axis], edges[axis] + LEAST), 100));
      });
    };
  };

  picture.onpointerdown = (down) => {
    const box = picture.getBoundingClientRect();
    const place = (event) => [
      ((event.clientX - box.left) / box.width) * 100,
      ((event.clientY - box.top) / box.height) * 100,
    ];
    const start = place(down);
    const drag = hold(start, [box.width, box.height]);
    picture.setPointerCapture(down.pointerId);
    picture.onpointermove = (event) => {
      drag(place(event));
      draw();
    };
    picture.onpointerup = picture.onpointercancel = () => {
      picture.onpointermove = picture.onpointerup = picture.onpointercancel = null;
      commit();
    };
  };

  picture.onkeydown = (event) => {
    const edge = handles.indexOf(event.target);
    const ends = { Home: 0, End: 100 };
    if (edge < 0 || !(event.key in STEPS || event.key in ends)) return;
    event.preventDefault();
    move(edge, event.key in ends ? ends[event.key] : edges[edge] + STEPS[event.key]);
    draw();
    clearTimeout(waiting);
    waiting = setTimeout(commit, PAUSE);
  };
  picture.onfocusout = commit;
  draw();
  return () => clearTimeout(waiting);
}
