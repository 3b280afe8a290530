using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.CompilerServices;
using Sinter.Command.InMemory;
using Sinter.Command.Terminal;
using Sinter.Command.Training;
using Sinter.Compiler;
using Sinter.Compiler.Binding;
using Sinter.Compiler.Emit.Training;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Passes.Training;
using Sinter.Compiler.Syntax;
using Sinter.Devices;
using Sinter.Runtime;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Training;

namespace Sinter.Command.Loading;

/// <summary>A model description, from a file or from those built in, on its way through the compiler.</summary>
internal sealed class ModelSource
{
    private const string Namespace = "Sinter.InMemory";

    private readonly SourceFile _file;
    private readonly bool _isBuiltIn;
    private readonly SortedDictionary<string, SourceFile> _imports = new(StringComparer.Ordinal);

    private ModelSource(SourceFile file, bool isBuiltIn) => (_file, _isBuiltIn) = (file, isBuiltIn);

    public string Path => _file.Path;

    /// <exception cref="SinterException">The file cannot be read.</exception>
    public static ModelSource FromFile(string path)
    {
        try
        {
            return new ModelSource(new SourceFile(path, File.ReadAllText(path)), isBuiltIn: false);
        }
        catch (Exception fault) when (fault is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new SinterException($"{path}: there is no such file.", fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new SinterException($"{path}: the file cannot be read: {fault.Message}", fault);
        }
    }

    /// <summary>The built-in architecture that reads a <c>model_type</c>.</summary>
    /// <exception cref="SinterException">There is none.</exception>
    public static ModelSource ForConfig(ModelConfig config)
    {
        if (config.ModelType is not { } type)
            throw new SinterException($"{config.Path} has no model_type, by which the architecture is chosen; give one with --model FILE.sinter.");
        var types = new SortedSet<string>(StringComparer.Ordinal);
        foreach (SourceFile file in BuiltInModels.Files)
        {
            var source = new ModelSource(file, isBuiltIn: true);
            foreach (BoundArchitecture architecture in ModelBinder.Bind(file.Path, file.Text, source.Find).Architectures)
            {
                if (architecture.Span.Path == file.Path && architecture.ModelTypes.Contains(type)) return source;
                types.UnionWith(architecture.ModelTypes);
            }
        }

        throw new SinterException($"{config.Path}: no architecture reads the model_type '{type}'; there are {string.Join(", ", types)}, and --model FILE.sinter.");
    }

    /// <summary>The graphs of the models that the file declares, or of its architecture with the numbers of a config.</summary>
    /// <exception cref="DiagnosticsException">There are errors; they have been printed.</exception>
    /// <exception cref="SinterException">The file declares no model and there is no config.</exception>
    public IReadOnlyList<ModelGraph> Graphs(ModelConfig? config, string? name = null)
    {
        var graphs = new List<ModelGraph>();
        foreach (BoundModel model in Bind(config, name).Models)
        {
            (ModelGraph? graph, EquatableArray<DiagnosticInfo> errors) = GraphBuilder.Build(model);
            Report(errors, config);
            graphs.Add(graph!);
        }

        return graphs;
    }

    /// <summary>A config.json that is to bind the file's architecture.</summary>
    /// <exception cref="SinterException">It cannot be read, or the file declares models and so has numbers of its own.</exception>
    public ModelConfig ConfigFor(string path)
    {
        ModelConfig config = ConfigFile.Load(path);
        if (ModelBinder.Bind(_file.Path, _file.Text, Find).Models is not { Count: > 0 } models) return config;
        throw new SinterException($"{_file.Path} declares {models[0].Name} with numbers of its own: --config is for a file with an architecture alone.");
    }

    /// <summary>Names and numbers resolved.</summary>
    /// <param name="config">Binds an architecture where the file declares no model.</param>
    /// <param name="name">What to call the model of the config; null for its model_type.</param>
    /// <inheritdoc cref="Graphs"/>
    public BoundFile Bind(ModelConfig? config, string? name = null)
    {
        BoundFile bound = ModelBinder.Bind(_file.Path, _file.Text, Find);
        Report(bound.Diagnostics, config);
        if (bound.Models.Count > 0) return bound;
        if (config is null)
        {
            throw new SinterException(
                $"{_file.Path} declares no model; bind its architecture to a config.json with --config, or add 'model NAME = ARCHITECTURE {{ … }}'.");
        }

        bound = ModelBinder.BindConfig(_file.Path, _file.Text, Find, name ?? NameOf(config), ConfigTexts.Of(config));
        Report(bound.Diagnostics, config);
        return bound;
    }

    /// <summary>As far as C#; see <see cref="Graphs"/>.</summary>
    public IReadOnlyList<CompiledModel> Compile(ModelConfig? config, string @namespace = Namespace, Dump? dump = null, bool isTimed = false)
    {
        BoundFile bound = ModelBinder.Bind(_file.Path, _file.Text, Find);
        var closure = new SourceClosure(_file, _imports.Values.ToEquatable());
        CompilationResult result = bound.Models.Count > 0 || bound.Diagnostics.Count > 0 || config is null
            ? Pipeline.Compile(closure, @namespace, dump, isTimed)
            : Pipeline.CompileConfig(closure, NameOf(config), ConfigTexts.Of(config), @namespace, dump, isTimed);
        Report(result.Diagnostics, config);
        return result.Models;
    }

    /// <summary>The program for a checkpoint: of several models in a file the one whose numbers are those of its config.</summary>
    /// <inheritdoc cref="Graphs"/>
    public ModelProgram Program(ModelConfig config)
    {
        IReadOnlyList<CompiledModel> models = Compile(config);
        if (models.Count == 1) return Load(models[0]);
        return models.Select(Load).FirstOrDefault(program => ProgramChoice.Fits(program.Description, config))
            ?? throw new SinterException($"{Path} declares {string.Join(", ", models.Select(model => model.Graph.Name))}, but none of them has the numbers of {config.Path}.");
    }

    /// <summary>The only model that the file declares, with lines of the command line laid over its own.</summary>
    /// <param name="lines">See <see cref="ModelOverrides"/>.</param>
    /// <inheritdoc cref="Graphs"/>
    public BoundModel OnlyModel(IReadOnlyList<string> lines)
    {
        ParsedFile file = ModelOverrides.Apply(ModelGrammar.Parse(_file.Path, _file.Text), lines);
        BoundFile bound = ModelBinder.Bind(file, path => Find(path) is { } text ? ModelGrammar.Parse(path, text) : null);
        Report(bound.Diagnostics, null);
        return bound.Models.Count == 1 ? bound.Models[0] : throw new SinterException(bound.Models.Count == 0
            ? $"{_file.Path} declares no model; add 'model NAME = ARCHITECTURE {{ … }}'."
            : $"{_file.Path} declares {bound.Models.Count} models, and one can be trained at a time; give a file with one.");
    }

    /// <summary>The same program with a clock around every kernel, and what it was made of.</summary>
    /// <inheritdoc cref="Graphs"/>
    public (CompiledModel Model, ModelProgram Program) Timed(ModelConfig config)
    {
        IReadOnlyList<CompiledModel> models = Compile(config, isTimed: true);
        foreach (CompiledModel model in models)
        {
            ModelProgram program = Load(model);
            if (models.Count == 1 || ProgramChoice.Fits(program.Description, config)) return (model, program);
        }

        throw new SinterException($"{Path} declares no model with the numbers of {config.Path}.");
    }

    /// <summary>The training step of one of the file's models, or of its architecture with the numbers of a config; compiled once and then kept.</summary>
    /// <param name="model">As <see cref="Bind"/> gives it.</param>
    /// <exception cref="DiagnosticsException">There are errors; they have been printed.</exception>
    /// <param name="isTimed">Whether a clock is to stand around every kernel.</param>
    public (CompiledTraining Compiled, TrainingProgram Program) Training(BoundModel model, Precision precision, ModelConfig? config = null, bool isTimed = false)
    {
        CompiledTrainingModel training = Pipeline.CompileTraining(model, Namespace, precision, isTimed: isTimed);
        Report(training.Diagnostics, config);
        return (training.Training!, (TrainingProgram)Load(model.Name + "Training", training.ProgramClass, training.Files));
    }

    /// <summary>The program for a checkpoint and the same model's program for devices.</summary>
    /// <inheritdoc cref="Graphs"/>
    public (ModelProgram Program, Func<DeviceLauncher, DeviceProgram> OnDevice) ProgramsForDevices(ModelConfig config)
    {
        IReadOnlyList<CompiledModel> models = Compile(config);
        foreach (CompiledModel model in models)
        {
            ModelProgram program = Load(model);
            if (models.Count > 1 && !ProgramChoice.Fits(program.Description, config)) continue;
            Assembly assembly = LoadAssembly(model.Graph.Name + "Device", Pipeline.PrintForDevices(model.Program, Namespace), AssemblyCompiler.ForDevices);
            Type type = assembly.GetType($"{Namespace}.{model.Graph.Name}DeviceProgram", throwOnError: true)!;
            return (program, launcher => (DeviceProgram)Activator.CreateInstance(type, launcher)!);
        }

        throw new SinterException($"{Path} declares no model with the numbers of {config.Path}.");
    }

    private static ModelProgram Load(CompiledModel model) => (ModelProgram)Load(model.Graph.Name, model.ProgramClass, model.Files);

    private static object Load(string name, string programClass, IReadOnlyList<GeneratedFile> files)
    {
        return Activator.CreateInstance(LoadAssembly(name, files, []).GetType(programClass, throwOnError: true)!)!;
    }

    /// <param name="libraries">That the code calls besides the runtime.</param>
    private static Assembly LoadAssembly(string name, IReadOnlyList<GeneratedFile> files, IReadOnlyList<Assembly> libraries)
    {
        if (!RuntimeFeature.IsDynamicCodeSupported) throw NativeCommand.Cannot($"compile {name}: it runs the models that it was built with");
        string[] parts = [.. libraries.Select(library => library.ManifestModule.ModuleVersionId.ToString()), typeof(ModelProgram).Assembly.ManifestModule.ModuleVersionId.ToString(), .. files.Select(file => file.Text)];
        byte[] assembly = AssemblyCache.OfUser().GetOrMake(
            AssemblyCache.Key(parts),
            () => AssemblyCompiler.Compile(name, files.Select(file => (file.HintName, file.Text)), libraries));
        return Assembly.Load(assembly);
    }

    /// <summary>An imported file: the one that the path names, or else one that is built in.</summary>
    private string? Find(string path)
    {
        if (_imports.TryGetValue(path, out SourceFile? known)) return known.Text;
        string? text = File.Exists(path) ? File.ReadAllText(path) : BuiltInModels.Find(path)?.Text;
        if (text is not null) _imports.Add(path, new SourceFile(path, text));
        return text;
    }

    private static string NameOf(ModelConfig config) => Identifier.Of(config.ModelType ?? "model");

    /// <summary>Errors of a file of the user's are printed; those of a built-in one can only come of the numbers that it was given.</summary>
    private void Report(IReadOnlyList<DiagnosticInfo> diagnostics, ModelConfig? config)
    {
        if (diagnostics.Count == 0) return;
        if (_isBuiltIn && config is not null)
            throw new SinterException($"{config.Path} does not suit its architecture: {diagnostics[0].Message} ({diagnostics[0].Id} at {diagnostics[0].Span}).");
        foreach (DiagnosticInfo diagnostic in diagnostics) Console.Error.WriteLine(diagnostic);
        throw new DiagnosticsException();
    }
}
