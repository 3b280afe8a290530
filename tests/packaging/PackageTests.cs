using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Packaging.Tests;

/// <summary>What a .NET developer does: reference the package, add a .sinter file, build, and call the class.</summary>
public sealed class PackageTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sinter-package-").FullName;

    [Fact]
    public void A_project_that_references_the_package_and_adds_a_model_can_generate_text()
    {
        string feed = Path.Combine(_folder, "feed");
        Dotnet(Repository.Root, "pack", "runtime/Sinter.Runtime.csproj", "-c", "Release", "-o", feed, "-p:Version=0.1.0-test");

        string project = Path.Combine(_folder, "app");
        WriteProject(project, feed);
        string models = Path.Combine(Repository.Root, "models");
        foreach (string file in Directory.GetFiles(models, "*.sinter", SearchOption.AllDirectories).Where(IsNeeded))
        {
            string target = Path.Combine(project, Path.GetRelativePath(models, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }

        string output = Dotnet(project, "run", "-c", "Release", "--", Repository.TinyTrained);

        // The greedy continuation that transformers gives (tests/data/tiny-trained/text_golden.json, second prompt).
        Assert.StartsWith(" of the dead.\nThey have heard the words of the righteous", output.Replace("\r\n", "\n"));
    }

    [Fact]
    public void A_mistake_in_the_model_fails_the_build_with_its_place()
    {
        string feed = Path.Combine(_folder, "feed");
        Dotnet(Repository.Root, "pack", "runtime/Sinter.Runtime.csproj", "-c", "Release", "-o", feed, "-p:Version=0.1.0-test");
        string project = Path.Combine(_folder, "broken");
        WriteProject(project, feed);
        File.WriteAllText(Path.Combine(project, "broken.sinter"), "architecture Broken {\n  config { axis d = hidden_size }\n  model(token[t]) -> logits[t,d] { logits[t,d] = x[t,d }\n}\n");
        (int code, string output) = Run(project, "build");
        Assert.NotEqual(0, code);
        Assert.Contains("broken.sinter(3,", output);
        Assert.Contains("error SIN0001", output);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static bool IsNeeded(string file) =>
        Path.GetFileName(file) == "tiny_trained.sinter" || !File.ReadAllText(file).Contains("\nmodel ");

    private void WriteProject(string project, string feed)
    {
        Directory.CreateDirectory(project);
        File.WriteAllText(Path.Combine(project, "app.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <RootNamespace>App</RootNamespace>
                <Nullable>enable</Nullable>
                <InvariantGlobalization>true</InvariantGlobalization>
                <RestoreAdditionalProjectSources>{feed}</RestoreAdditionalProjectSources>
                <RestorePackagesPath>{Path.Combine(_folder, "packages")}</RestorePackagesPath>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="Sinter" Version="0.1.0-test" />
              </ItemGroup>
            </Project>
            """);
        File.WriteAllText(Path.Combine(project, "Program.cs"), """
            using System;
            using App;
            using Sinter.Runtime.Generation;

            using TinyTrained model = TinyTrained.Load(args[0]);
            await foreach (GeneratedText piece in model.GenerateAsync("In the beginning", new GenerationOptions { MaxTokens = 24 }))
            {
                Console.Write(piece.Text);
            }
            """);
    }

    private static string Dotnet(string folder, params string[] arguments)
    {
        (int code, string output) = Run(folder, arguments);
        Assert.True(code == 0, $"dotnet {string.Join(" ", arguments)}:\n{output}");
        return output;
    }

    private static (int Code, string Output) Run(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";

        // The test host's own settings must not reach the builds that it starts.
        foreach (string name in new[] { "MSBUILD_EXE_PATH", "MSBuildSDKsPath", "MSBuildExtensionsPath", "MSBuildLoadMicrosoftTargetsReadOnly" }) start.Environment.Remove(name);
        using Process process = Process.Start(start)!;
        string error = "";
        process.ErrorDataReceived += (_, line) => error += line.Data + "\n";
        process.BeginErrorReadLine();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, process.ExitCode == 0 ? output : output + error);
    }
}
