using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;

namespace Sinter.Command.Reporting.Runs;

/// <summary>Draws how the experts of a layer are loaded: time from left to right, an expert a row.</summary>
internal static class LoadMap
{
    private const int Width = 560, Left = 58, Right = 12, MostColumns = 100, LeastRow = 3, MostRow = 22, Bottom = 24;

    /// <param name="layer">Index of the balanced layer.</param>
    public static string Draw(IReadOnlyList<(long Step, int[][] Loads)> steps, int layer)
    {
        int experts = steps[0].Loads[layer].Length, row = Math.Clamp(240 / experts, LeastRow, MostRow);
        (long Step, int[][] Loads)[][] columns = [.. steps.Chunk((steps.Count + MostColumns - 1) / MostColumns)];
        double width = (double)(Width - Left - Right) / columns.Length;
        var svg = new StringBuilder();
        Append(svg, $"<svg viewBox=\"0 0 {Width} {experts * row + Bottom}\" role=\"img\">\n");
        for (int column = 0; column < columns.Length; column++)
        {
            var sums = new long[experts];
            foreach ((_, int[][] loads) in columns[column])
                for (int expert = 0; expert < experts; expert++) sums[expert] += loads[layer][expert];
            double mean = Math.Max(sums.Average(), 1e-9);
            for (int expert = 0; expert < experts; expert++)
            {
                Append(svg, $"<rect x=\"{Left + column * width:0.00}\" y=\"{expert * row}\" width=\"{width + 0.3:0.00}\" height=\"{row}\" fill=\"{Color(sums[expert] / mean)}\">");
                Append(svg, $"<title>expert {expert}, step {columns[column][^1].Step}: {sums[expert] / mean:0.00} of the mean</title></rect>\n");
            }
        }

        for (int expert = 0; expert < experts; expert += Math.Max(1, experts / 8))
            Append(svg, $"<text x=\"{Left - 6}\" y=\"{expert * row + row / 2.0 + 4:0.0}\" text-anchor=\"end\">{expert}</text>");
        long first = columns[0][^1].Step, last = Math.Max(first + 1, columns[^1][^1].Step);
        foreach (double tick in LinePlot.Ticks(first, last, 6))
            Append(svg, $"<text x=\"{Left + (tick - first) / (last - first) * (Width - Left - Right):0.0}\" y=\"{experts * row + 16}\" text-anchor=\"middle\">{tick:0}</text>");
        return svg.Append("</svg>").ToString();
    }

    /// <summary>White at the mean, blue below, red above; full at nothing and at twice the mean.</summary>
    private static string Color(double load)
    {
        double part = Math.Clamp(load - 1, -1, 1);
        int faded = (int)Math.Round(255 * (1 - Math.Abs(part)));
        return part >= 0 ? $"rgb({(int)(255 - 35 * part)},{faded},{faded})" : $"rgb({faded},{faded},{(int)(255 + 45 * part)})";
    }

    private static void Append(StringBuilder text, FormattableString part) => text.Append(part.ToString(CultureInfo.InvariantCulture));
}
