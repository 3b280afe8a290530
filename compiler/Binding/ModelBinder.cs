using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Syntax;

namespace Sinter.Compiler.Binding;

/// <summary>From parsed files to models whose names and numbers are known.</summary>
public static class ModelBinder
{
    /// <summary>Binds the models that a file declares.</summary>
    /// <param name="imports">Gives a file by its path, or null; paths are relative to the importing file's, with '/'.</param>
    public static BoundFile Bind(ParsedFile file, Func<string, ParsedFile?> imports)
    {
        var diagnostics = new DiagnosticBag();
        Scope scope = Read(file, imports, diagnostics);
        var models = new List<BoundModel>();
        if (diagnostics.Count == 0)
        {
            foreach (ModelItem model in file.File!.Items.OfType<ModelItem>())
            {
                if (scope.Model(model, diagnostics) is { } bound) models.Add(bound);
            }
        }

        return new BoundFile(models.ToEquatable(), scope.Architectures.ToEquatable(), diagnostics.ToEquatable());
    }

    public static BoundFile Bind(string path, string text, Func<string, string?> imports) =>
        Bind(ModelGrammar.Parse(path, text), Parsed(imports));

    /// <summary>Binds an architecture of a file, or of its imports, to the values of a config.json.</summary>
    /// <param name="config">Every value by its name, nested ones with dots (<c>rope_scaling.factor</c>); texts without quotes, <c>null</c> for null.</param>
    /// <param name="architecture">Which one; else the one that reads the config's <c>model_type</c>, or the only one.</param>
    public static BoundFile BindConfig(
        ParsedFile file,
        Func<string, ParsedFile?> imports,
        string modelName,
        IReadOnlyDictionary<string, string> config,
        string? architecture = null)
    {
        var diagnostics = new DiagnosticBag();
        Scope scope = Read(file, imports, diagnostics);
        var models = new List<BoundModel>();
        if (diagnostics.Count == 0 && scope.Choose(file, config, architecture, diagnostics) is { } chosen)
            models.Add(scope.Bind(modelName, chosen, SettingReader.Read(config), [], chosen.Span, diagnostics));

        return new BoundFile(models.ToEquatable(), scope.Architectures.ToEquatable(), diagnostics.ToEquatable());
    }

    public static BoundFile BindConfig(
        string path,
        string text,
        Func<string, string?> imports,
        string modelName,
        IReadOnlyDictionary<string, string> config,
        string? architecture = null) =>
        BindConfig(ModelGrammar.Parse(path, text), Parsed(imports), modelName, config, architecture);

    private static Func<string, ParsedFile?> Parsed(Func<string, string?> imports) =>
        path => imports(path) is { } text ? ModelGrammar.Parse(path, text) : null;

    private static Scope Read(ParsedFile file, Func<string, ParsedFile?> imports, DiagnosticBag diagnostics)
    {
        var reader = new ImportReader(imports, diagnostics);
        reader.Read(file);

        // With parts unread, whatever else could be said would mislead.
        return diagnostics.Count > 0 ? new Scope([], diagnostics) : new Scope(reader.Files, diagnostics);
    }
}
