using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Sinter.Compiler;
using Sinter.Compiler.Binding;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Models.Tests;

/// <summary>The committed files under generated/ are what the compiler makes of models/, and there is no other file of its.</summary>
public sealed class GeneratedFilesTests
{
    private const int MostLines = 5000;

    /// <summary>Those whose kernels for devices are made by a build (models/devices).</summary>
    private static readonly string[] s_withDevices = ["TinyTrained", "DeepSeekV3_671B"];

    private static readonly string s_folder = Path.Combine(Repository.Root, "generated", "Sinter.Compiler", "Sinter.Compiler.SinterGenerator");
    private static readonly Lazy<IReadOnlyList<CompiledModel>> s_models = new(Compile);

    [Fact]
    public void Are_current()
    {
        foreach (GeneratedFile file in s_models.Value.SelectMany(Files))
        {
            string path = Path.Combine(s_folder, file.HintName);
            Assert.True(File.Exists(path), $"{file.HintName} is missing under generated/: build models/ and commit it");
            Assert.True(file.Text == File.ReadAllText(path), $"{file.HintName} is stale under generated/: build models/ and commit it");
        }
    }

    [Fact]
    public void Are_all_of_a_model_that_exists()
    {
        IEnumerable<string> expected = s_models.Value.SelectMany(Files).Select(file => file.HintName);
        IEnumerable<string?> found = Directory.GetFiles(Path.Combine(Repository.Root, "generated", "Sinter.Compiler"), "*", SearchOption.AllDirectories).Select(Path.GetFileName);
        Assert.Equal(expected.Order(StringComparer.Ordinal), found.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Stay_short_however_many_layers_a_model_has()
    {
        Assert.All(s_models.Value, model =>
        {
            int lines = model.Files.Sum(file => file.Text.Count(c => c == '\n'));
            Assert.True(lines <= MostLines, $"{model.Graph.Name} has {lines} generated lines");
            int onDevices = Files(model).Sum(file => file.Text.Count(c => c == '\n')) - lines;
            Assert.True(onDevices <= MostLines, $"{model.Graph.Name} has {onDevices} generated lines for devices");
        });
    }

    private static IEnumerable<GeneratedFile> Files(CompiledModel model) => s_withDevices.Contains(model.Graph.Name)
        ? model.Files.Concat(Pipeline.PrintForDevices(model.Program, "Sinter.Models.Devices"))
        : model.Files;

    private static List<CompiledModel> Compile()
    {
        string folder = Path.Combine(Repository.Root, "models");
        List<SourceFile> files = [.. Directory.GetFiles(folder, "*.sinter", SearchOption.AllDirectories).Select(path => new SourceFile(path, File.ReadAllText(path)))];
        List<CompiledModel> models = [];
        foreach (SourceFile file in files)
        {
            CompilationResult result = Pipeline.Compile(SourceClosure.Of(file, files), "Sinter.Models");
            Assert.Empty(result.Diagnostics);
            models.AddRange(result.Models);
        }

        Assert.NotEmpty(models);
        return models;
    }
}
