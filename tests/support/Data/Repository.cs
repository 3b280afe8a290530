using System;
using System.IO;

namespace Sinter.Tests.Data;

/// <summary>Where the test data lie: found from the test assembly upwards, so that tests run from any folder.</summary>
public static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>The checkpoint that the repository ships.</summary>
    public static string TinyTrained => Path.Combine(Root, "models", "tiny-trained");

    /// <summary>A path below <c>tests/data</c>.</summary>
    public static string Data(params string[] parts) => Path.Combine([Root, "tests", "data", .. parts]);

    /// <summary>The checkpoint that the golden values in <c>tests/data/NAME</c> belong to.</summary>
    public static string Checkpoint(string name) => name == "tiny-trained" ? TinyTrained : Data(name);

    private static string FindRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Compiler.sln"))) folder = Path.GetDirectoryName(folder);
        return folder ?? throw new DirectoryNotFoundException(
            $"No folder above {AppContext.BaseDirectory} holds Compiler.sln: the tests read their data from the repository.");
    }
}
