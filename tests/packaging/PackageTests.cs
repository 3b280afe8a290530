using System.IO;
using System.Linq;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Packaging.Tests;

/// <summary>What a .NET developer does: reference the package, add a .sinter file, build, and call the class.</summary>
[Trait("Category", "Slow")]
public sealed class PackageTests(PackageFeed feed) : IClassFixture<PackageFeed>
{
    [Fact]
    public void A_project_that_references_the_package_and_adds_a_model_can_generate_text()
    {
        string project = WriteProject("app");
        string models = Path.Combine(Repository.Root, "models");
        foreach (string file in Directory.GetFiles(models, "*.sinter", SearchOption.AllDirectories).Where(IsNeeded))
        {
            string target = Path.Combine(project, Path.GetRelativePath(models, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }

        string output = DotnetCommand.Succeeds(project, "run", "-c", "Release", "--", Repository.TinyTrained);

        // The greedy continuation that transformers gives (tests/data/tiny-trained/text_golden.json, second prompt).
        Assert.StartsWith(" of the dead.\nThey have heard the words of the righteous", output.Replace("\r\n", "\n"));
    }

    [Fact]
    public void A_mistake_in_the_model_fails_the_build_with_its_place()
    {
        string project = WriteProject("broken");
        File.WriteAllText(Path.Combine(project, "broken.sinter"), "architecture Broken {\n  config { axis d = hidden_size }\n  model(token[t]) -> logits[t,d] { logits[t,d] = x[t,d }\n}\n");
        (int code, string output) = DotnetCommand.Run(project, "build");
        Assert.NotEqual(0, code);
        Assert.Contains("broken.sinter(3,", output);
        Assert.Contains("error SIN0001", output);
    }

    private static bool IsNeeded(string file) =>
        Path.GetFileName(file) == "tiny_trained.sinter" || !File.ReadAllText(file).Contains("\nmodel ");

    private string WriteProject(string name)
    {
        string project = Path.Combine(feed.Folder, name);
        Directory.CreateDirectory(project);
        File.WriteAllText(Path.Combine(project, "app.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <RootNamespace>App</RootNamespace>
                <Nullable>enable</Nullable>
                <InvariantGlobalization>true</InvariantGlobalization>
                <RestoreAdditionalProjectSources>{feed.Packages}</RestoreAdditionalProjectSources>
                <!-- The package under test stays out of the user's own packages; those are read, so that nothing is fetched. -->
                <RestorePackagesPath>{Path.Combine(feed.Folder, "restored")}</RestorePackagesPath>
                <RestoreFallbackFolders>{PackageFeed.UserPackages}</RestoreFallbackFolders>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="Sinter" Version="{PackageFeed.Version}" />
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
        return project;
    }
}
