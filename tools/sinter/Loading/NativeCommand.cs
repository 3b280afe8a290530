using Sinter.Runtime;

namespace Sinter.Command.Loading;

/// <summary>
/// The command as one native file (<c>dotnet publish -p:Native=true</c>): it holds the models of its build for this machine's processor, and
/// neither compiler nor devices. What asks <c>RuntimeFeature.IsDynamicCodeSupported</c> before it calls those leaves them out of the file.
/// </summary>
internal static class NativeCommand
{
    /// <param name="what">What this command cannot do, as the end of a sentence.</param>
    public static SinterException Cannot(string what) => new($"This sinter is one native file and cannot {what}; use one that was built or published without Native=true.");
}
