// What Streamlit has no element for. It runs once; the page's elements come and go.

(() => {
  if (window.vitrine) return;
  window.vitrine = true;

  // A picture that is dropped or pasted anywhere on the page is handed to the uploader.
  const hasFile = (transfer) => [...(transfer?.types ?? [])].includes("Files");

  const upload = (files) => {
    const input = document.querySelector(".st-key-uploader input[type=file]");
    if (!input || !files.length) return false;
    const transfer = new DataTransfer();
    transfer.items.add(files[0]);
    input.files = transfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  };

  const drag = (event) => {
    if (!hasFile(event.dataTransfer)) return;
    event.preventDefault();
    const leaves = event.type === "dragleave" && !event.relatedTarget;
    document.body.classList.toggle("dropping", event.type !== "drop" && !leaves);
    if (event.type === "drop") {
      event.stopPropagation();
      upload(event.dataTransfer.files);
    }
  };
  for (const name of ["dragover", "dragleave", "drop"]) document.addEventListener(name, drag, true);

  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (upload(files.filter((file) => file.type.startsWith("image/")))) event.preventDefault();
  });
})();
