using System;
using System.Diagnostics;
using System.IO;
using System.Runtime.CompilerServices;
using Xunit;

namespace Sinter.Ptx.Tests;

/// <summary>Kernels as text, checked by ptxas before they run, where ptxas is there (tools/cuda/get-ptxas.sh).</summary>
internal static class Ptx
{
    public static string Root([CallerFilePath] string path = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, "../.."));

    public static string? Assembler { get; } = Find();

    /// <summary>A module with one kernel, k.</summary>
    public static PtxModule Kernel(string parameters, string body, string target = "sm_80", string outside = "")
        => Module($$"""
            .version 8.4
            .target {{target}}
            .address_size 64
            {{outside}}
            .visible .entry k({{parameters}})
            {
            .reg .pred %p<16>;
            .reg .b16 %h<32>;
            .reg .b32 %r<128>;
            .reg .f32 %f<128>;
            .reg .b64 %rd<64>;
            .reg .f64 %fd<16>;
            {{body}}
            }
            """, target);

    public static PtxModule Module(string text, string target)
    {
        Assemble(text, target);
        return PtxModule.Parse(text);
    }

    /// <summary>What the interpreter accepts, the assembler must accept too.</summary>
    public static void Assemble(string text, string target)
    {
        if (Assembler is null)
        {
            return;
        }

        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, text);
            using var process = Process.Start(new ProcessStartInfo(Assembler, ["-arch", target, "-o", "/dev/null", file]) { RedirectStandardError = true })!;
            var errors = process.StandardError.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 0, errors);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static string? Find()
    {
        var path = Path.Combine(Root(), ".cache/cuda/bin/ptxas");
        return File.Exists(path) ? path : null;
    }
}

/// <summary>A test that is skipped, visibly, where ptxas is not there.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class AssemblerFactAttribute : FactAttribute
{
    public AssemblerFactAttribute()
    {
        if (Ptx.Assembler is null)
        {
            Skip = "ptxas is not in .cache/cuda/bin; tools/cuda/get-ptxas.sh puts it there.";
        }
    }
}
