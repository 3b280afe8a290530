using System;
using System.Diagnostics;
using System.Globalization;
using System.IO;

namespace Sinter.Command.Measuring;

/// <summary>Memory of this process: pages that it has touched, its own and those of mapped files.</summary>
internal static class ProcessMemory
{
    /// <summary>Bytes now.</summary>
    public static long Resident => Status("VmRSS") ?? Environment.WorkingSet;

    /// <summary>The most bytes at a time since the process started.</summary>
    public static long Peak
    {
        get
        {
            if (Status("VmHWM") is { } bytes) return bytes;
            using var process = Process.GetCurrentProcess();
            return process.PeakWorkingSet64;
        }
    }

    /// <summary>A line of Linux's own account, which is in KiB; null elsewhere.</summary>
    private static long? Status(string name)
    {
        if (!OperatingSystem.IsLinux()) return null;
        foreach (string line in File.ReadLines("/proc/self/status"))
        {
            if (!line.StartsWith(name + ":", StringComparison.Ordinal)) continue;
            return 1024 * long.Parse(line.AsSpan(name.Length + 1).Trim().TrimEnd("kB").Trim(), CultureInfo.InvariantCulture);
        }

        return null;
    }
}
