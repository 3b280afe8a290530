using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;

namespace Sinter.Command.Reporting.Runs;

/// <summary>A line of a plot.</summary>
/// <param name="Dots">Whether its points are marked.</param>
internal sealed record PlotLine(string Name, IReadOnlyList<Sample> Samples, string Color, bool Dots = false);

/// <summary>Draws numbers over steps as SVG.</summary>
internal static class LinePlot
{
    private const int Width = 560, Height = 260, Left = 58, Right = 12, Top = 14, Bottom = 30;

    /// <summary>More points than this are no finer on a screen.</summary>
    private const int MostPoints = 600;

    public static string Draw(IReadOnlyList<PlotLine> lines, bool fromZero = false)
    {
        Sample[] all = [.. lines.SelectMany(line => line.Samples).Where(sample => double.IsFinite(sample.Value))];
        if (all.Length == 0) return "";
        double low = fromZero ? 0 : all.Min(sample => sample.Value), high = all.Max(sample => sample.Value);
        if (high <= low) high = low + Math.Max(Math.Abs(low), 1e-9);
        long first = all.Min(sample => sample.Step), last = Math.Max(first + 1, all.Max(sample => sample.Step));
        double X(double step) => Left + (step - first) / (last - first) * (Width - Left - Right);
        double Y(double value) => Top + (high - value) / (high - low) * (Height - Top - Bottom);

        var svg = new StringBuilder();
        Append(svg, $"<svg viewBox=\"0 0 {Width} {Height}\" role=\"img\">\n");
        foreach (double tick in Ticks(low, high, 5))
        {
            Append(svg, $"<line class=\"grid\" x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{Y(tick):0.0}\" y2=\"{Y(tick):0.0}\"/>");
            Append(svg, $"<text x=\"{Left - 6}\" y=\"{Y(tick) + 4:0.0}\" text-anchor=\"end\">{tick:G4}</text>\n");
        }

        foreach (double tick in Ticks(first, last, 6))
            Append(svg, $"<text x=\"{X(tick):0.0}\" y=\"{Height - 10}\" text-anchor=\"middle\">{tick:0}</text>\n");
        foreach (PlotLine line in lines)
        {
            Sample[] shown = [.. Thin(line.Samples)];
            string points = string.Join(' ', shown.Select(sample => string.Create(CultureInfo.InvariantCulture, $"{X(sample.Step):0.0},{Y(sample.Value):0.0}")));
            Append(svg, $"<polyline fill=\"none\" stroke=\"{line.Color}\" points=\"{points}\"/>\n");
            foreach (Sample sample in line.Dots ? shown : [])
                Append(svg, $"<circle cx=\"{X(sample.Step):0.0}\" cy=\"{Y(sample.Value):0.0}\" r=\"2.5\" fill=\"{line.Color}\"><title>step {sample.Step}: {sample.Value:0.####}</title></circle>");
        }

        return svg.Append("</svg>").ToString();
    }

    /// <summary>Round numbers between two.</summary>
    internal static IEnumerable<double> Ticks(double low, double high, int most)
    {
        double raw = (high - low) / most, power = Math.Pow(10, Math.Floor(Math.Log10(raw)));
        double step = power * (raw / power <= 1 ? 1 : raw / power <= 2 ? 2 : raw / power <= 5 ? 5 : 10);
        for (double tick = Math.Ceiling(low / step) * step; tick <= high + step * 1e-9; tick += step) yield return Math.Abs(tick) < step * 1e-9 ? 0 : tick;
    }

    /// <summary>Means of neighbours.</summary>
    private static IEnumerable<Sample> Thin(IReadOnlyList<Sample> samples)
    {
        int each = (samples.Count + MostPoints - 1) / MostPoints;
        return samples.Where(sample => double.IsFinite(sample.Value)).Chunk(Math.Max(1, each)).Select(part => new Sample(part[^1].Step, part.Average(sample => sample.Value)));
    }

    private static void Append(StringBuilder text, FormattableString part) => text.Append(part.ToString(CultureInfo.InvariantCulture));
}
