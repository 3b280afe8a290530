using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Runtime.CompilerServices;
using Sinter.Command.Terminal;
using Sinter.Devices;
using Sinter.Runtime;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;

namespace Sinter.Command.Loading;

/// <summary>
/// Finds the compiled model for a checkpoint: one that was compiled into this command, if its numbers are those of
/// config.json; else the architecture for its <c>model_type</c>, compiled now.
/// </summary>
internal static class ProgramChoice
{
    private const string BuiltIn = "Sinter.Models";
    private const string BuiltInDevices = "Sinter.Models.Devices";

    /// <param name="config">The checkpoint's config.json.</param>
    /// <param name="modelFile">A .sinter file to use instead, or null.</param>
    /// <exception cref="SinterException">No model fits.</exception>
    /// <exception cref="DiagnosticsException">The .sinter file has errors, which have been printed.</exception>
    public static ModelProgram For(ModelConfig config, string? modelFile)
    {
        if (modelFile is not null) return Compile(ModelSource.FromFile(modelFile), config);
        return Programs().FirstOrDefault(program => Fits(program.Description, config)) ?? Compile(ModelSource.ForConfig(config), config);
    }

    /// <summary>The same, with the model's program for devices: compiled into this command too, or now.</summary>
    /// <inheritdoc cref="For"/>
    public static (ModelProgram Program, Func<DeviceLauncher, DeviceProgram> OnDevice) ForDevices(ModelConfig config, string? modelFile)
    {
        if (!RuntimeFeature.IsDynamicCodeSupported) throw NativeCommand.Cannot("run on a device");
        if (modelFile is null && Programs().FirstOrDefault(program => Fits(program.Description, config)) is { } known
            && Assembly.Load(BuiltInDevices).GetType($"{BuiltInDevices}.{known.Description.Name}DeviceProgram") is { } onDevice)
        {
            return (known, launcher => (DeviceProgram)Activator.CreateInstance(onDevice, launcher)!);
        }

        using var work = new LongWork("compiling the model");
        return (modelFile is null ? ModelSource.ForConfig(config) : ModelSource.FromFile(modelFile)).ProgramsForDevices(config);
    }

    /// <summary>Whether a program was compiled into this command, when that was built.</summary>
    public static bool IsFromBuild(ModelProgram program) => program.GetType().Assembly.GetName().Name == BuiltIn;

    /// <summary>Whether a program's numbers are all in config.json: then it says nothing that the program does not know.</summary>
    public static bool Fits(ModelDescription description, ModelConfig config)
    {
        if (config.ModelType is not { } type || !description.ModelTypes.Contains(type)) return false;
        if (description.Config.Any(entry => entry.Value is not null && !config.Values.ContainsKey(entry.Key))) return false;
        try
        {
            ConfigAgreement.Require(description, config);
            return true;
        }
        catch (SinterException)
        {
            return false;
        }
    }

    private static IEnumerable<ModelProgram> Programs() =>
        Assembly.Load(BuiltIn).GetExportedTypes()
            .Where(type => type.IsSubclassOf(typeof(ModelProgram)) && !type.IsAbstract)
            .OrderBy(type => type.FullName, StringComparer.Ordinal)
            .Select(type => (ModelProgram)Activator.CreateInstance(type)!);

    private static ModelProgram Compile(ModelSource source, ModelConfig config)
    {
        using var work = new LongWork("compiling the model");
        return source.Program(config);
    }
}
