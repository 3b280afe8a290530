using System.IO;
using Sinter.Runtime.Checkpoints;

namespace Sinter.Command.Loading;

/// <summary>A config.json by its own path or by its folder's.</summary>
internal static class ConfigFile
{
    /// <exception cref="Sinter.Runtime.SinterException">It is missing or not a JSON object.</exception>
    public static ModelConfig Load(string path) => Directory.Exists(path) ? ModelConfig.Load(path) : ModelConfig.LoadFile(path);
}
