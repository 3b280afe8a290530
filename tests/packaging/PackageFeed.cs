using System;
using System.IO;
using Sinter.Tests.Data;

namespace Sinter.Packaging.Tests;

/// <summary>The package, made once, in a temporary folder that also holds the projects that use it.</summary>
public sealed class PackageFeed : IDisposable
{
    public const string Version = "0.1.0-test";

    // One process: packing builds the compiler for two ends, and both write its files. Only the package's version is another: with another assembly version the repository's own build would be made anew.
    public PackageFeed() => DotnetCommand.Succeeds(Repository.Root, "pack", "runtime/Sinter.Runtime.csproj", "-c", "Release", "-o", Packages, "-m:1", $"-p:PackageVersion={Version}");

    public static string UserPackages => Environment.GetEnvironmentVariable("NUGET_PACKAGES")
        ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    public string Folder { get; } = Directory.CreateTempSubdirectory("sinter-package-").FullName;

    public string Packages => Path.Combine(Folder, "feed");

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
