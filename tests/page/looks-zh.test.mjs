import { looks } from "./looks.mjs";

looks("zh");
