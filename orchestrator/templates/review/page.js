"use strict";
// The page does all of its work without this: here is only the line between two pictures.
for (const slide of document.querySelectorAll("[data-slide]")) {
  const line = slide.querySelector("input");
  const place = () => slide.querySelector(".over").style.setProperty("--at", line.value + "%");
  line.addEventListener("input", place);
  slide.hidden = false;
  place();
}
