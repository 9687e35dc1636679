// A gallery: one button an image. Buttons are kept from run to run, so that the one with the focus keeps it.

let clicks = Date.now(); // no two clicks have one number, not even after a reload

function makeButton(root) {
  const button = root.appendChild(document.createElement("button"));
  button.type = "button";
  for (const name of ["image", "number"]) button.appendChild(document.createElement("span")).className = name;
  return button;
}

export default function gallery({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector("[data-testid=gallery]");
  if (!root || !data) return;
  root.setAttribute("aria-label", data.label);
  while (root.children.length > data.items.length) root.lastChild.remove();
  data.items.forEach((item, k) => {
    const button = root.children[k] ?? makeButton(root);
    const [image, number] = button.children;
    const chosen = item.number > 0;
    image.style.width = `${data.side}px`;
    image.style.height = `${data.side}px`;
    image.style.backgroundImage = `url("${data.sheet}")`;
    image.style.backgroundSize = `100% ${100 * data.items.length}%`;
    image.style.backgroundPosition = `0 ${data.items.length > 1 ? (100 * k) / (data.items.length - 1) : 0}%`;
    number.textContent = chosen ? String(item.number) : "";
    button.title = item.name;
    button.setAttribute("aria-label", item.name);
    button.setAttribute("aria-pressed", String(chosen));
    button.dataset.id = String(item.id);
    button.onclick = () => setTriggerValue("pick", { id: item.id, click: (clicks += 1) });
  });
  takeOwnHeight(root);
}
