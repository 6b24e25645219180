// The parts of ECharts that the report page uses; everything else is shaken out.
import { use, init } from "echarts/core";
import { LineChart, HeatmapChart, CustomChart } from "echarts/charts";
import { AriaComponent, DataZoomComponent, GridComponent, TitleComponent, TooltipComponent, VisualMapComponent } from "echarts/components";
import { SVGRenderer } from "echarts/renderers";

use([LineChart, HeatmapChart, CustomChart, AriaComponent, DataZoomComponent, GridComponent, TitleComponent, TooltipComponent, VisualMapComponent, SVGRenderer]);

export { init };
