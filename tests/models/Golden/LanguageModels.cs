using System.IO;
using Sinter.Compiler.Binding;
using Sinter.Compiler.Graph;
using Sinter.Models.Tests.Compiled;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Models.Tests.Golden;

/// <summary>models/deepseek_v3.sinter bound to the config.json of a golden checkpoint.</summary>
internal static class LanguageModels
{
    public static ModelGraph Build(string checkpoint)
    {
        string path = Path.Combine(Repository.Root, "models", "deepseek_v3.sinter");
        BoundFile bound = ModelBinder.BindConfig(
            path, File.ReadAllText(path), import => File.Exists(import) ? File.ReadAllText(import) : null, "Golden", CompiledPrograms.Config(checkpoint));
        Assert.Empty(bound.Diagnostics);
        BuiltGraph built = GraphBuilder.Build(Assert.Single(bound.Models));
        Assert.Empty(built.Diagnostics);
        return built.Graph!;
    }
}
