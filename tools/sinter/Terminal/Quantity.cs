using System;

namespace Sinter.Command.Terminal;

/// <summary>Large numbers for people to read: three or four digits and a unit.</summary>
internal static class Quantity
{
    private static readonly string[] s_byteUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    private static readonly string[] s_counts = ["", "K", "M", "B", "T"];
    private static readonly string[] s_flops = ["FLOP", "KFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP"];

    /// <summary>In powers of 1024.</summary>
    public static string Bytes(double bytes) => Scale(bytes, 1024, s_byteUnits, " ");

    /// <summary>Parameters, as published: 671.0B.</summary>
    public static string Count(double number) => Scale(number, 1000, s_counts, "");

    /// <summary>Floating-point operations, in powers of 1000.</summary>
    public static string Flops(double flops) => Scale(flops, 1000, s_flops, " ");

    private static string Scale(double number, double step, string[] units, string space)
    {
        int unit = 0;
        while (number >= step && unit < units.Length - 1)
        {
            number /= step;
            unit++;
        }

        string digits = unit == 0 ? Math.Round(number).ToString("0") : number.ToString(number >= 1000 ? "0" : number >= 10 ? "0.0" : "0.00");
        return units[unit].Length == 0 ? digits : digits + space + units[unit];
    }
}
