using System.Globalization;
using System.Linq;
using System.Net;
using System.Text;
using Sinter.Command.Terminal;

namespace Sinter.Command.Reporting.Runs;

/// <summary>A run as one HTML page that needs nothing else.</summary>
internal static class RunPage
{
    private const string Style = """
        :root { color-scheme: light; }
        body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1200px; padding: 0 1rem; color: #222; background: #fff; }
        main { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); gap: 1.5rem 2rem; }
        section { min-width: 0; }
        h1 { font-size: 1.4rem; } h2 { font-size: 1rem; margin: 0 0 .3rem; }
        svg { width: 100%; height: auto; } svg text { font-size: 11px; fill: #555; } svg .grid { stroke: #ddd; } polyline { stroke-width: 1.5; stroke-linejoin: round; }
        .key { font-size: .85rem; } .key i { display: inline-block; width: .9em; height: .9em; margin: 0 .3em 0 1em; border-radius: 2px; vertical-align: -1px; } .key i:first-child { margin-left: 0; }
        """;

    private const string Blue = "#2563a8", Orange = "#d97706", Light = "#9cc0e4", Pale = "#f0c68a";

    public static string Write(string name, RunRecord run)
    {
        var page = new StringBuilder();
        page.Append("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\n");
        page.Append(CultureInfo.InvariantCulture, $"<title>{WebUtility.HtmlEncode(name)}</title>\n<style>{Style}</style></head><body>\n");
        page.Append(CultureInfo.InvariantCulture, $"<h1>{WebUtility.HtmlEncode(name)}</h1>\n<p>{run.Steps} steps, {Quantity.Count(run.Tokens)} tokens");
        if (run["validation main"] is { Count: > 0 } losses) page.Append(CultureInfo.InvariantCulture, $"; validation loss {losses[^1].Value:0.0000}");
        if (run["validation mtp"] is { Count: > 0 } ahead) page.Append(CultureInfo.InvariantCulture, $", of multi-token prediction {ahead[^1].Value:0.0000}");
        page.Append(". Stages: ").AppendJoin(", ", run.Stages.Select(stage => WebUtility.HtmlEncode($"{stage.Name} from step {stage.Step}"))).Append(". Across: steps.</p>\n<main>\n");
        Plot(page, "Loss, nats a token", [new("training", run["main"], Light), new("validation", run["validation main"], Blue, Dots: true)]);
        if (run["mtp"].Count > 0) Plot(page, "Loss of multi-token prediction", [new("training", run["mtp"], Pale), new("validation", run["validation mtp"], Orange, Dots: true)]);
        Plot(page, "Learning rate", [new("rate", run["rate"], Blue)], fromZero: true);
        Plot(page, "Norm of the gradients, before clipping", [new("norm", run["norm"], Blue)], fromZero: true);
        Plot(page, "Sequences a step", [new("sequences", run["sequences"], Blue)], fromZero: true);
        Plot(page, "Tokens a second", [new("tokens", run["tokens_per_second"], Blue)], fromZero: true);
        if (run.Loads.Count > 0)
        {
            Plot(page, "MaxVio: the busiest expert over the mean", [new("largest of all layers", run["maxvio"], Orange)], fromZero: true);
            Plot(page, "Balance loss, summed over layers", [new("balance", run["balance"], Blue)]);
            for (int layer = 0; layer < run.Loads[0].Loads.Length; layer++)
                Section(page, $"Load of the experts, balanced layer {layer + 1} (blue: none, white: the mean, red: twice the mean)", LoadMap.Draw(run.Loads, layer), "");
        }

        return page.Append("</main>\n</body></html>\n").ToString();
    }

    private static void Plot(StringBuilder page, string title, PlotLine[] lines, bool fromZero = false)
    {
        PlotLine[] shown = [.. lines.Where(line => line.Samples.Count > 0)];
        string key = shown.Length < 2 ? "" : $"<div class=\"key\">{string.Concat(shown.Select(line => $"<i style=\"background:{line.Color}\"></i>{line.Name}"))}</div>";
        Section(page, title, LinePlot.Draw(shown, fromZero), key);
    }

    private static void Section(StringBuilder page, string title, string drawing, string key) =>
        page.Append(CultureInfo.InvariantCulture, $"<section><h2>{title}</h2>{key}\n{drawing}</section>\n");
}
