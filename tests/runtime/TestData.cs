using System.IO;
using System.Runtime.CompilerServices;
using Sinter.Runtime.Checkpoints;

namespace Sinter.Runtime.Tests;

/// <summary>Where the golden data lie.</summary>
internal static class TestData
{
    private static string Root { get; } = FindRoot();

    /// <summary>The small trained checkpoint, which users get.</summary>
    public static string TinyTrained => Path.Combine(Root, "models", "tiny-trained");

    public static string Folder(string name) => Path.Combine(Root, "tests", "data", name);

    public static SafetensorsFile Open(string folder, string file) => SafetensorsFile.Open(Path.Combine(Folder(folder), file));

    private static string FindRoot([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", ".."));
}
